import com.fasterxml.jackson.annotation.JsonClassDescription;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.errors.RateLimitException;
import com.openai.errors.UnauthorizedException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionMessage;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.chat.completions.ChatCompletionToolChoiceOption;
import com.openai.models.chat.completions.ChatCompletionToolMessageParam;
import com.openai.models.completions.Completion;
import com.openai.models.completions.CompletionCreateParams;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** OpenAI's SDK for Java against the server under test. The model says what it likes: only shapes are looked at. */
final class Judge {
    enum Feeling { glad, sad }

    enum City { Oslo, Rome }

    static final class Mood {
        public Feeling mood;
        public boolean sure;
    }

    @JsonClassDescription("The weather in a city.")
    static final class GetWeather {
        public City city;
        public boolean metric;
    }

    interface Body {
        void run() throws Exception;
    }

    private static final String MODEL = System.getenv("CONFORMANCE_MODEL");
    private static final OpenAIClient CLIENT =
            OpenAIOkHttpClient.builder().fromEnv().maxRetries(0).timeout(Duration.ofSeconds(60)).build();
    private static final Map<String, Body> CASES = new LinkedHashMap<>();

    private static ChatCompletionCreateParams.Builder open() {
        return ChatCompletionCreateParams.builder().model(MODEL).addUserMessage("What is 12 + 30?");
    }

    private static ChatCompletionCreateParams.Builder request() {
        return open().maxTokens(24);
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) throw new AssertionError(otherwise);
    }

    private static <E extends Exception> E fails(Class<E> wanted, Body body) throws Exception {
        try {
            body.run();
        } catch (Exception error) {
            if (wanted.isInstance(error)) return wanted.cast(error);
            throw error;
        }
        throw new AssertionError("no " + wanted.getSimpleName());
    }

    private static void whole() {
        ChatCompletion completion = CLIENT.chat().completions().create(request().build());
        completion.validate();
        var usage = completion.usage().orElseThrow();
        check(usage.totalTokens() == usage.promptTokens() + usage.completionTokens(), "usage");
        check(completion.choices().get(0).message().content().isPresent(), "no content");
    }

    private static void choices() {
        var params = request().n(2).logprobs(true).topLogprobs(2).build();
        ChatCompletion completion = CLIENT.chat().completions().create(params);
        completion.validate();
        check(completion.choices().size() == 2, "choices");
        for (var choice : completion.choices()) {
            var tokens = choice.logprobs().orElseThrow().content().orElseThrow();
            check(tokens.stream().allMatch(token -> token.topLogprobs().size() == 2), "top logprobs");
        }
    }

    private static ChatCompletion accumulate(ChatCompletionCreateParams.Builder builder) {
        var options = ChatCompletionStreamOptions.builder().includeUsage(true).build();
        var accumulator = ChatCompletionAccumulator.create();
        try (StreamResponse<ChatCompletionChunk> stream =
                CLIENT.chat().completions().createStreaming(builder.streamOptions(options).build())) {
            stream.stream().peek(ChatCompletionChunk::validate).forEach(accumulator::accumulate);
        }
        return accumulator.chatCompletion();
    }

    private static void streamed() {
        ChatCompletion completion = accumulate(request());
        check(completion.choices().get(0).message().content().isPresent(), "no content");
        check(completion.usage().orElseThrow().totalTokens() > 0, "no usage");
    }

    private static void sideBySide() {
        var answers = IntStream.range(0, 16)
                .mapToObj(index -> CLIENT.async().chat().completions().create(request().build()))
                .toList();
        check(answers.stream().map(answer -> answer.join().id()).distinct().count() == 16, "ids");
    }

    private static void leftEarly() {
        var params = open().maxTokens(1500).build();
        try (var stream = CLIENT.chat().completions().createStreaming(params)) {
            check(stream.stream().findFirst().isPresent(), "no chunk");
        }
    }

    private static void structured() {
        var completion = CLIENT.chat().completions().create(open().responseFormat(Mood.class).build());
        Mood mood = completion.choices().get(0).message().content().orElseThrow();
        check(mood.mood != null, "no mood");
    }

    private static ChatCompletionCreateParams.Builder forced() {
        return open().addTool(GetWeather.class).toolChoice(ChatCompletionToolChoiceOption.Auto.REQUIRED);
    }

    private static void checkCall(ChatCompletion completion) {
        var choice = completion.choices().get(0);
        check(choice.finishReason().equals(ChatCompletion.Choice.FinishReason.TOOL_CALLS), "finish reason");
        var call = choice.message().toolCalls().orElseThrow().get(0).asFunction();
        check(call.function().arguments(GetWeather.class).city != null, "no city");
    }

    private static void tools() {
        ChatCompletion completion = CLIENT.chat().completions().create(forced().build());
        completion.validate();
        checkCall(completion);
        ChatCompletionMessage message = completion.choices().get(0).message();
        var history = request().addTool(GetWeather.class).addMessage(message);
        for (var call : message.toolCalls().orElseThrow()) {
            history.addMessage(ChatCompletionToolMessageParam.builder()
                    .toolCallId(call.asFunction().id())
                    .content("sunny")
                    .build());
        }
        CLIENT.chat().completions().create(history.build()).validate();
    }

    private static void toolsStreamed() {
        checkCall(accumulate(forced()));
    }

    private static void completions() {
        var params = CompletionCreateParams.builder()
                .model(MODEL)
                .promptOfArrayOfStrings(List.of("Once", "Twice"))
                .maxTokens(4)
                .logprobs(1)
                .build();
        Completion completion = CLIENT.completions().create(params);
        completion.validate();
        check(completion.choices().size() == 2, "choices");
        try (var stream = CLIENT.completions().createStreaming(params)) {
            check(stream.stream().count() > 0, "no chunk");
        }
    }

    private static void models() {
        check(CLIENT.models().list().autoPager().stream().anyMatch(model -> model.id().equals(MODEL)), "not listed");
        CLIENT.models().retrieve(MODEL).validate();
    }

    private static void errors() throws Exception {
        var bad = fails(BadRequestException.class, () ->
                CLIENT.chat().completions().create(request().temperature(9).build()));
        check(bad.param().orElse("").equals("temperature"), "param");
        var missing = fails(NotFoundException.class, () -> CLIENT.models().retrieve("gpt-4o"));
        check(missing.code().orElse("").equals("model_not_found"), "code");
        fails(UnauthorizedException.class, () ->
                CLIENT.withOptions(options -> options.apiKey("wrong")).models().list());
    }

    private static void retries() throws Exception {
        String url = System.getenv("CONFORMANCE_NARROW_URL");
        OpenAIClient narrow = CLIENT.withOptions(options -> options.baseUrl(url));
        OpenAIClient patient = CLIENT.withOptions(options -> options.baseUrl(url).maxRetries(8));
        var holding = open().maxTokens(1900).putAdditionalBodyProperty("ignore_eos", JsonValue.from(true)).build();
        try (var holder = narrow.chat().completions().createStreaming(holding)) {
            check(holder.stream().findFirst().isPresent(), "no chunk");
            fails(RateLimitException.class, () -> narrow.chat().completions().create(request().build()));
        }
        patient.chat().completions().create(request().build()).validate();
    }

    public static void main(String[] arguments) throws Exception {
        CASES.put("chat: a whole answer, validated", Judge::whole);
        CASES.put("chat: n choices with logprobs", Judge::choices);
        CASES.put("stream: validated and accumulated, with usage", Judge::streamed);
        CASES.put("stream: left early", Judge::leftEarly);
        CASES.put("async: 16 at once", Judge::sideBySide);
        CASES.put("structured: by a class", Judge::structured);
        CASES.put("tools: a required call, and its result in the history", Judge::tools);
        CASES.put("tools: a required call streamed", Judge::toolsStreamed);
        CASES.put("completions: whole and streamed", Judge::completions);
        CASES.put("models: listed and retrieved", Judge::models);
        CASES.put("errors: each status has its class", Judge::errors);
        CASES.put("retries: 429, then an answer", Judge::retries);
        var mapper = new ObjectMapper();
        for (var entry : CASES.entrySet()) {
            String message = "";
            try {
                entry.getValue().run();
            } catch (Throwable error) {
                message = error.toString();
            }
            var line = Map.of("case", entry.getKey(), "passed", message.isEmpty(), "message", message);
            System.out.println(mapper.writeValueAsString(line));
        }
        System.out.println(mapper.writeValueAsString(Map.of("cases", CASES.size())));
        System.exit(0);
    }
}
