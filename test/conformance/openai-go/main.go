// OpenAI's SDK for Go against the server under test. The model says what it likes: only shapes are looked at.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"
)

var (
	model    = os.Getenv("CONFORMANCE_MODEL")
	client   = openai.NewClient(option.WithMaxRetries(0), option.WithRequestTimeout(60*time.Second))
	messages = []openai.ChatCompletionMessageParamUnion{openai.UserMessage("What is 12 + 30?")}
)

var weather = openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
	Name:        "get_weather",
	Description: openai.String("The weather in a city."),
	Parameters: shared.FunctionParameters{
		"type":                 "object",
		"properties":           map[string]any{"city": map[string]any{"type": "string", "enum": []string{"Oslo", "Rome"}}},
		"required":             []string{"city"},
		"additionalProperties": false,
	},
})

func request() openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: model, Messages: messages, MaxTokens: openai.Int(24)}
}

func forced() openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    model,
		Messages: messages,
		Tools:    []openai.ChatCompletionToolUnionParam{weather},
		ToolChoice: openai.ChatCompletionToolChoiceOptionUnionParam{
			OfAuto: openai.String("required"),
		},
	}
}

func check(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, args...)
}

func whole(ctx context.Context) error {
	completion, err := client.Chat.Completions.New(ctx, request())
	if err != nil {
		return err
	}
	usage := completion.Usage
	return errors.Join(
		check(completion.Object == "chat.completion", "object %q", completion.Object),
		check(completion.JSON.Usage.Valid() && usage.TotalTokens == usage.PromptTokens+usage.CompletionTokens, "usage %s", usage.RawJSON()),
		check(len(completion.Choices) == 1, "%d choices", len(completion.Choices)),
		check(completion.Choices[0].Message.JSON.Content.Valid(), "no content"),
		check(completion.Choices[0].FinishReason == "stop" || completion.Choices[0].FinishReason == "length", "reason"),
	)
}

func choices(ctx context.Context) error {
	params := request()
	params.N, params.Logprobs, params.TopLogprobs = openai.Int(2), openai.Bool(true), openai.Int(2)
	completion, err := client.Chat.Completions.New(ctx, params)
	if err != nil {
		return err
	}
	if err := check(len(completion.Choices) == 2, "%d choices", len(completion.Choices)); err != nil {
		return err
	}
	for _, choice := range completion.Choices {
		for _, token := range choice.Logprobs.Content {
			if len(token.TopLogprobs) != 2 {
				return fmt.Errorf("%d top logprobs", len(token.TopLogprobs))
			}
		}
	}
	return nil
}

func accumulate(ctx context.Context, params openai.ChatCompletionNewParams) (openai.ChatCompletionAccumulator, error) {
	params.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
	stream := client.Chat.Completions.NewStreaming(ctx, params)
	defer stream.Close()
	accumulator := openai.ChatCompletionAccumulator{}
	for stream.Next() {
		if !accumulator.AddChunk(stream.Current()) {
			return accumulator, errors.New("a chunk does not belong to the others")
		}
	}
	return accumulator, stream.Err()
}

func streamed(ctx context.Context) error {
	accumulator, err := accumulate(ctx, request())
	if err != nil {
		return err
	}
	return errors.Join(
		check(accumulator.Choices[0].Message.Content != "", "no text"),
		check(accumulator.Choices[0].FinishReason != "", "no finish reason"),
		check(accumulator.Usage.TotalTokens > 0, "no usage"),
	)
}

func cancelled(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	params := request()
	params.MaxTokens = openai.Int(1500)
	stream := client.Chat.Completions.NewStreaming(ctx, params, option.WithJSONSet("ignore_eos", true))
	defer stream.Close()
	for stream.Next() {
		cancel()
	}
	return check(errors.Is(stream.Err(), context.Canceled), "the stream ended with %v", stream.Err())
}

func structured(ctx context.Context) error {
	params := openai.ChatCompletionNewParams{Model: model, Messages: messages}
	params.ResponseFormat = openai.ChatCompletionNewParamsResponseFormatUnion{
		OfJSONSchema: &shared.ResponseFormatJSONSchemaParam{
			JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{
				Name:   "mood",
				Strict: openai.Bool(true),
				Schema: map[string]any{
					"type":                 "object",
					"properties":           map[string]any{"mood": map[string]any{"enum": []string{"glad", "sad"}}},
					"required":             []string{"mood"},
					"additionalProperties": false,
				},
			},
		},
	}
	completion, err := client.Chat.Completions.New(ctx, params)
	if err != nil {
		return err
	}
	var mood struct{ Mood string }
	if err := json.Unmarshal([]byte(completion.Choices[0].Message.Content), &mood); err != nil {
		return err
	}
	return check(slices.Contains([]string{"glad", "sad"}, mood.Mood), "mood %q", mood.Mood)
}

func checkCall(completion openai.ChatCompletion) error {
	if len(completion.Choices[0].Message.ToolCalls) == 0 {
		return errors.New("no tool call")
	}
	call := completion.Choices[0].Message.ToolCalls[0]
	var arguments struct{ City string }
	if err := json.Unmarshal([]byte(call.Function.Arguments), &arguments); err != nil {
		return err
	}
	return errors.Join(
		check(completion.Choices[0].FinishReason == "tool_calls", "reason %q", completion.Choices[0].FinishReason),
		check(call.ID != "" && call.Function.Name == "get_weather", "call %s", call.RawJSON()),
		check(arguments.City == "Oslo" || arguments.City == "Rome", "city %q", arguments.City),
	)
}

func tools(ctx context.Context) error {
	completion, err := client.Chat.Completions.New(ctx, forced())
	if err != nil {
		return err
	}
	if err := checkCall(*completion); err != nil {
		return err
	}
	message := completion.Choices[0].Message
	params := request()
	params.Tools = forced().Tools
	params.Messages = append(slices.Clone(messages), message.ToParam())
	for _, call := range message.ToolCalls {
		params.Messages = append(params.Messages, openai.ToolMessage("sunny", call.ID))
	}
	_, err = client.Chat.Completions.New(ctx, params)
	return err
}

func toolsStreamed(ctx context.Context) error {
	accumulator, err := accumulate(ctx, forced())
	if err != nil {
		return err
	}
	return checkCall(accumulator.ChatCompletion)
}

func completions(ctx context.Context) error {
	params := openai.CompletionNewParams{
		Model:     openai.CompletionNewParamsModel(model),
		Prompt:    openai.CompletionNewParamsPromptUnion{OfArrayOfStrings: []string{"Once", "Twice"}},
		MaxTokens: openai.Int(4),
		Logprobs:  openai.Int(1),
	}
	completion, err := client.Completions.New(ctx, params)
	if err != nil {
		return err
	}
	if err := check(len(completion.Choices) == 2, "%d choices", len(completion.Choices)); err != nil {
		return err
	}
	stream := client.Completions.NewStreaming(ctx, params)
	defer stream.Close()
	text := ""
	for stream.Next() {
		for _, choice := range stream.Current().Choices {
			text += choice.Text
		}
	}
	return errors.Join(stream.Err(), check(text != "", "no text"))
}

func models(ctx context.Context) error {
	pager := client.Models.ListAutoPaging(ctx)
	found := false
	for pager.Next() {
		found = found || pager.Current().ID == model
	}
	one, err := client.Models.Get(ctx, model)
	if err != nil {
		return err
	}
	return errors.Join(pager.Err(), check(found && one.ID == model, "%q is not listed", model))
}

func failures(ctx context.Context) error {
	params := request()
	params.Temperature = openai.Float(9)
	_, err := client.Chat.Completions.New(ctx, params)
	var failure *openai.Error
	if !errors.As(err, &failure) {
		return fmt.Errorf("no API error but %v", err)
	}
	bad := check(failure.StatusCode == 400 && failure.Param == "temperature" && failure.Message != "", "%s", failure.RawJSON())
	_, err = client.Models.Get(ctx, "gpt-4o")
	if !errors.As(err, &failure) {
		return fmt.Errorf("no API error but %v", err)
	}
	missing := check(failure.StatusCode == 404 && failure.Code == "model_not_found", "%s", failure.RawJSON())
	_, err = client.Models.Get(ctx, model, option.WithAPIKey("wrong"))
	if !errors.As(err, &failure) {
		return fmt.Errorf("no API error but %v", err)
	}
	return errors.Join(bad, missing, check(failure.StatusCode == 401, "status %d", failure.StatusCode))
}

func retries(ctx context.Context) error {
	narrow := option.WithBaseURL(os.Getenv("CONFORMANCE_NARROW_URL"))
	params := request()
	params.MaxTokens = openai.Int(1900)
	holding, release := context.WithCancel(ctx)
	defer release()
	holder := client.Chat.Completions.NewStreaming(holding, params, narrow, option.WithJSONSet("ignore_eos", true))
	defer holder.Close()
	if !holder.Next() {
		return holder.Err()
	}
	_, err := client.Chat.Completions.New(ctx, request(), narrow)
	var failure *openai.Error
	if !errors.As(err, &failure) || failure.StatusCode != 429 {
		return fmt.Errorf("not 429 but %v", err)
	}
	release()
	_, err = client.Chat.Completions.New(ctx, request(), narrow, option.WithMaxRetries(8))
	return err
}

func main() {
	cases := []struct {
		name string
		body func(context.Context) error
	}{
		{"chat: a whole answer", whole},
		{"chat: n choices with logprobs", choices},
		{"stream: accumulated, with usage", streamed},
		{"stream: cancelled", cancelled},
		{"structured: json_schema", structured},
		{"tools: a required call, and its result in the history", tools},
		{"tools: a required call streamed", toolsStreamed},
		{"completions: whole and streamed", completions},
		{"models: listed and retrieved", models},
		{"errors: status, code and param", failures},
		{"retries: 429, then an answer", retries},
	}
	encoder := json.NewEncoder(os.Stdout)
	for _, entry := range cases {
		message := ""
		if err := entry.body(context.Background()); err != nil {
			message = strings.ReplaceAll(err.Error(), "\n", "; ")
		}
		_ = encoder.Encode(map[string]any{"case": entry.name, "passed": message == "", "message": message})
	}
	_ = encoder.Encode(map[string]any{"cases": len(cases)})
}
