/**
 * Every upper bound that is not sized from the machine or the model, and why it stands where it stands; those of structured
 * output are in `grammar-limits.ts`. Units are in the names.
 */

/** Body of one request. 100 KB prompts are common, megabytes are not; parsing 4 MiB of JSON takes ~20 ms. */
export const REQUEST_BODY_BYTES_MAX = 4 * 1024 * 1024;

/** What has arrived of the bodies of all requests that are not read yet: 16 of the largest, or thousands of usual ones. */
export const ARRIVING_BODY_BYTES_MAX = 16 * REQUEST_BODY_BYTES_MAX;

/**
 * A body that announces no more is read without a stream of its own, which usual requests would pay for, and is counted
 * when it is whole: a connection may hold as much in headers, which nobody counts either.
 */
export const READ_AT_ONCE_BYTES_MAX = 16 * 1024;

/** OpenAI's bound for `n`. */
export const CHOICES_MAX = 128;

/** OpenAI's bound for `best_of`. */
export const BEST_OF_MAX = 20;

/** OpenAI allows 4, tasks of evaluation harnesses have a dozen. Each one costs a comparison per character of output. */
export const STOP_STRINGS_MAX = 32;
/** A stop string longer than this holds back too much text to be called streaming. */
export const STOP_STRING_CHARACTERS_MAX = 1024;

/** OpenAI's bound for `top_logprobs`; stays under `CANDIDATE_COUNT`. */
export const TOP_LOGPROBS_MAX = 20;

/**
 * Log probabilities of prompts in one answer: prompt tokens, times those told of each, times choices. So many are 5 MB
 * of JSON, and writing them keeps the thread of all answers busy for 0.13 s; 32,768 tokens with one alternative each are
 * allowed.
 */
export const PROMPT_LOGPROBS_TOLD_MAX = 65_536;

/**
 * Log probabilities of what is generated, in one answer that is not streamed: choices, times tokens, times those told of
 * each. So many are 9 MB of JSON, and writing them keeps the thread of all answers busy for 0.17 s; 6,241 tokens of one
 * choice with 20 alternatives each are allowed.
 */
export const LOGPROBS_TOLD_MAX = 131_072;

/**
 * Prompt tokens that one answer repeats, as text or as ids, times choices. The ids of so many are 6.6 MB of JSON, written
 * in 0.03 s; a full context of 128 K tokens may be repeated for 8 choices.
 */
export const PROMPT_TOKENS_TOLD_MAX = 2 ** 20;

/** OpenAI's bound for `logit_bias`. */
export const LOGIT_BIAS_ENTRIES_MAX = 1024;

/** Messages of one conversation; templates are quadratic at worst. */
export const MESSAGES_MAX = 2048;

/**
 * Best logits of a row that leave the graph for every sampled token. 64 of a trained model's distribution
 * hold nearly all of its mass, and TopK 64 costs 0.07 ms for a row of 151,936; beyond that the full row is fetched.
 */
export const CANDIDATE_COUNT = 64;

/**
 * Tokens of a step up to which drafts are added to it: on two cores eight rows of a model of 0.5 billion weights take 1.3
 * to 2.6 times as long as one, and each further row nearly as long as it may save.
 */
export const DRAFTED_STEP_TOKENS_MAX = 8;

/**
 * Prompts that may be computed in part at a time: each holds its blocks and has told nothing yet. So many long ones keep a
 * short one behind them waiting until one of them has ended.
 */
export const PARTIAL_PROMPTS_MAX = 16;

/** Draft tokens of one sequence in a step, which computes one of it anyway. */
export const DRAFT_TOKENS_MAX = DRAFTED_STEP_TOKENS_MAX - 1;

/**
 * Logits of prompt tokens that one step scores: 110 tokens of a vocabulary of 151,936. While they are normalised the
 * graph holds copies of the same size: gathered, shifted, as exponentials.
 */
export const SCORED_LOGITS_BYTES_MAX = 64 * 1024 * 1024;

/** Choices of all requests in flight (running and waiting) before new requests are answered 429. */
export const REQUESTS_IN_FLIGHT_DEFAULT = 512;

/** Sequences that one step may hold. Beyond it the CPU gains nothing from a larger batch. */
export const SEQUENCES_PER_STEP_DEFAULT = 128;

/** Tokens that one step may compute: the bound on how long a decoding stream waits for its neighbours' prompts. */
export const TOKENS_PER_STEP_DEFAULT = 512;

/** How many times longer a prompt may make a step of sequences that decode, while they are the majority; others as much again. */
export const DECODE_SLOWDOWN_DEFAULT = 1.5;

/** Tokens a KV block holds. Small blocks waste little and share prefixes finely; the gather copies whole blocks. */
export const BLOCK_SIZE_DEFAULT = 16;
/** Each sequence holds a block that is not full, and whole ones are gathered: with blocks of 100,000 tokens no answer came within 30 s. */
export const BLOCK_SIZE_MAX = 1024;

/** A failed step is tried once more before its requests are failed: transient faults exist, loops must not. */
export const STEP_ATTEMPTS_MAX = 2;

/** With work at hand and no step finished for this long, `/ready` says 503. */
export const STALLED_AFTER_MS = 30_000;

/** How long a stop signal lets running requests finish. */
export const DRAIN_MS_DEFAULT = 30_000;

/** Silence on an event stream before a comment is sent, so that proxies do not cut the line. */
export const HEARTBEAT_MS = 15_000;

/**
 * So many times silence in a row in which a reader took nothing of what there was, 5 minutes, and it is taken for gone: its
 * place in the queue is somebody else's.
 */
export const HEARTBEATS_UNREAD_MAX = 20;
/** The same for answers that have been said to their end, of which several megabytes may wait for their reader. */
export const ANSWER_UNREAD_MS = HEARTBEATS_UNREAD_MAX * HEARTBEAT_MS;

/**
 * Writes a second of all event streams together, beyond which tokens are joined: 20 for each of 16 streams. A write
 * takes the server and its client some 50 us each on busy cores, so these take about a thirtieth of one.
 */
export const STREAM_WRITES_PER_SECOND = 320;

/** Longest time that a token waits to be written together with others: three frames of a screen. */
export const STREAM_DELAY_MS_DEFAULT = 50;

/** `Retry-After` of a 429: about the time in which a slot of a busy server comes free. */
export const RETRY_AFTER_SECONDS = 1;

/** An `x-request-id` longer than this is not taken over: it is repeated in every log line. */
export const REQUEST_ID_CHARACTERS_MAX = 128;

/** Parts of one message's content. They are joined into one text; more than this is not written by people. */
export const CONTENT_PARTS_MAX = 1024;

/** Tool calls of one message, in the history and in an answer; OpenAI's bound for tools. */
export const TOOL_CALLS_MAX = 128;
/** OpenAI's bounds for `tools` and the names of functions. Every tool is in every prompt. */
export const TOOLS_MAX = 128;
export const TOOL_NAME_CHARACTERS_MAX = 64;
/** What the model calls a function in a namespace: the names of both, and two underscores between them. */
export const TOLD_NAME_CHARACTERS_MAX = 2 * TOOL_NAME_CHARACTERS_MAX + 2;

/** Entries of `include`; OpenAI knows less than a dozen. */
export const INCLUDES_MAX = 32;

/** OpenAI's bounds for `metadata`, which is given back. */
export const METADATA_ENTRIES_MAX = 16;
export const METADATA_KEY_CHARACTERS_MAX = 64;
export const METADATA_VALUE_CHARACTERS_MAX = 512;

/**
 * What is kept of responses without `--response-store-memory`: some thousand turns of a few KB. Texts beyond Latin-1 take
 * twice as much of the heap as they count.
 */
export const RESPONSE_STORE_BYTES_DEFAULT = 64 * 2 ** 20;
/** The store lies in V8's heap, of which Node allows 2 GiB on small machines; that much may be 1 GiB of it. */
export const RESPONSE_STORE_BYTES_MAX = 512 * 2 ** 20;
/** JSON of all that a response is made of, if it is to be stored: 250,000 tokens. Every request holds as much until it has ended. */
export const STORED_INPUT_BYTES_MAX = 2 ** 20;
/**
 * What a stored response, an item, and an item's place in a response take beside their JSON: as measured. A place is one in the
 * response's list of items and one in the item's list of responses, which has up to half as much again to grow into.
 */
export const STORED_RESPONSE_BYTES = 512;
export const STORED_ITEM_BYTES = 384;
export const STORED_PLACE_BYTES = 20;

/** What a request names of the store is read as if it had been sent, so it may be as long. */
export const NAMED_ITEMS_BYTES_MAX = REQUEST_BODY_BYTES_MAX;

/** A client's own name of an item: longer ones are replaced where the item is stored. */
export const ITEM_ID_CHARACTERS_MAX = 128;

/** OpenAI's bound and default for a page of input items. */
export const LISTED_ITEMS_MAX = 100;
export const LISTED_ITEMS_DEFAULT = 20;

/** Extra token ids that end a choice; each one is compared with every token of output. */
export const STOP_TOKEN_IDS_MAX = 64;

/** The salt is hashed into every block of the prompt. */
export const CACHE_SALT_CHARACTERS_MAX = 256;

/** Below this logits of repeated tokens leave the range of float32; it repeats them for ever long before. */
export const REPETITION_PENALTY_MIN = 0.01;
/** Beyond this no token is ever repeated, and logits leave the range in which float32 tells them apart. */
export const REPETITION_PENALTY_MAX = 10;

/** Field names that one response header lists, and the length of each: proxies cut headers at 8 KiB. */
export const IGNORED_FIELDS_LISTED_MAX = 32;
export const FIELD_NAME_CHARACTERS_MAX = 64;

/** Of the place that an error names, where bodies may nest as deep as they like: what is nested deeper is cut off. */
export const PLACE_CHARACTERS_MAX = 200;

/** Without `--kv-cache-memory`, the cache holds so many sequences of full length … */
export const CACHE_FULL_SEQUENCES_DEFAULT = 32;
/** … and where these are short, so many tokens: then every place of a batch has a prompt and an answer of some length … */
export const CACHE_TOKENS_DEFAULT = SEQUENCES_PER_STEP_DEFAULT * 512;
/** … but takes no more than this share of the memory that is available when the engine starts. */
export const CACHE_FRACTION_DEFAULT = 0.4;
/** … nor more than the weights leave of this share: pages of the cache are taken when they are first written, and then it is too late … */
export const WEIGHTS_AND_CACHE_FRACTION = 0.9;
/** … but this share in any case: a model that hardly fits is tried, and not refused. */
export const CACHE_FRACTION_MIN = 0.1;

/**
 * The engine's thread makes little garbage, but every step brings tensors whose bytes lie outside V8's heap. They are
 * freed by collecting the young generation; one of the default size fills so slowly that V8 collects the whole heap
 * about once a second to get rid of them.
 */
export const ENGINE_YOUNG_GENERATION_MB = 6;

/** How long a stopped engine may take to end its step, and then its thread to end, before it is left behind. */
export const ENGINE_CLOSE_MS = 5_000;

/**
 * Tokens with an edited logit (bias, penalties) that a row reads one by one to correct its normaliser; with more, the
 * whole row is fetched instead. So many take about 0.2 ms a step, a whole row of 151,936 about 4 ms.
 */
export const EDITED_TOKENS_READ_MAX = 4096;
/** Edited tokens that may rank among a row's candidates before the whole row decides; they are sorted by insertion. */
export const EDITED_TOKENS_RANKED_MAX = 512;

/**
 * A prompt longer than so many contexts is refused without being tokenised to its end: tokenising is synchronous
 * and takes about a second for a MB. Prompts that are a little too long are still counted exactly.
 */
export const COUNTED_CONTEXTS_MAX = 2;

/**
 * Values (roughly: commas and brackets outside of strings) of one request body. Text is cheap to parse, structure is
 * not: 4 MiB of brackets keep the thread busy for a second, and everybody waits. Long conversations have thousands.
 */
export const JSON_VALUES_MAX = 100_000;

/**
 * Fields of one object of a request, schemas aside, which have bounds of their own. A request has some fifty that are known;
 * looking each of 90,000 up, and naming them, keeps the thread busy for 0.1 s.
 */
export const OBJECT_FIELDS_MAX = 1024;

/** Nesting of a tool call's arguments in the history. Templates print them by recursion; people nest a dozen deep. */
export const TOOL_ARGUMENTS_DEPTH_MAX = 128;

/** Nesting of a tool call that is being read: no less than a grammar allows, whose calls are passed on as they come. */
export const CALL_DEPTH_MAX = 512;

/** Prompts of one completion request: as many sequences as the queue holds by default, so more could never run. */
export const PROMPTS_MAX = 512;

/** OpenAI's default for `max_tokens` of a completion. */
export const COMPLETION_TOKENS_DEFAULT = 16;

/** `chat_template_kwargs`: templates know a handful of variables, mostly flags. */
export const TEMPLATE_VARIABLES_MAX = 64;
/** Templates print values by recursion. */
export const TEMPLATE_VARIABLE_DEPTH_MAX = 32;
/**
 * Statements, and items that filters go over, of one run of a chat template: some seconds of the thread that answers
 * everybody. A template that compares each of a thousand messages with each other stays below it.
 */
export const TEMPLATE_STEPS_MAX = 10_000_000;
/** Text that a chat template puts together: a whole body eight times. */
export const TEMPLATE_TEXT_CHARACTERS_MAX = 8 * REQUEST_BODY_BYTES_MAX;
/** Items of a list that a chat template puts together: more than values in a body. */
export const TEMPLATE_LIST_ITEMS_MAX = 1_000_000;
/** As many numbers as the sandbox of jinja2 lets a `range` have. */
export const TEMPLATE_RANGE_MAX = 100_000;
/** Macros that call each other: Python gives up after some 300. Values of tools are described by recursion. */
export const TEMPLATE_CALL_DEPTH_MAX = 256;

/**
 * Prompts of more characters are encoded in a thread of their own: tokenising takes about 1 ms for a KB, which the
 * streams of others would wait for.
 */
export const LONG_PROMPT_CHARACTERS = 4096;
/** What a message, a call and a part of a content count beside their texts: rendering a message takes about 0.08 ms. */
export const PROMPT_PART_CHARACTERS = 64;

/**
 * Characters that the tokenizer merges in one go: 0.1 s for the worst of them. Words and runs of blanks are far
 * shorter; what is longer is cut.
 */
export const PIECE_CHARACTERS_MAX = 8192;

/** A request, its body included, must have arrived after so long; Node's own default lets one linger for 5 minutes. */
export const REQUEST_RECEIVE_MS = 60_000;

/** How long an idle connection is kept: longer than common proxies do, so that they never meet a closing one. */
export const KEEP_ALIVE_MS = 75_000;
/**
 * How long a connection on which bytes were refused may stay half open: until its client has read the answer and closed its own
 * half. Closed at once, bytes on their way would make the system take the answer back. As long as nginx lingers.
 */
export const LINGER_MS = 5_000;

/** Token ids of one `/detokenize`; as many values as a body may hold. */
export const DETOKENIZED_TOKENS_MAX = JSON_VALUES_MAX;

/**
 * Tokens that a request may restrict its output to. Lists say "only digits" or "only ASCII"; each choice sends its own
 * copy to the engine and has a set of it made there.
 */
export const ALLOWED_TOKEN_IDS_MAX = 65_536;

/** Words that a request may ban, and their length: each is tokenised twice and compared with the end of every output. */
export const BAD_WORDS_MAX = 128;
export const BAD_WORD_CHARACTERS_MAX = 64;

/** Share of a GPU's memory that is filled: the rest is for whoever draws the screen, and for what is not foreseen. */
export const GPU_MEMORY_UTILIZATION_DEFAULT = 0.9;
/** What the CUDA context and its libraries take before anything is computed. */
export const GPU_CONTEXT_BYTES = 768 * 2 ** 20;
/** The cache on a GPU whose memory nothing tells the size of (WebGPU does not): even a small one has so much. */
export const GPU_CACHE_BYTES_UNKNOWN = 2 ** 30;
/** nvidia-smi answers in well under a second, where its driver does at all. */
export const NVIDIA_SMI_MS = 10_000;
/** Dawn, which WebGPU runs on, gives no buffer more than 2 GiB, and binds it less four bytes. */
export const WEBGPU_TENSOR_BYTES_MAX = 2 ** 31 - 4;
/** The smallest `maxStorageBufferBindingSize` that WebGPU allows a device to have. */
export const WINDOW_SCRATCH_BYTES_MAX = 128 * 2 ** 20;
/** Lines of the log that wait for room where they are written to; more are lost. A thousand errors with their stacks. */
export const LOG_UNWRITTEN_BYTES_MAX = 2 ** 20;
/** Connections that the system cannot take are told of in the log so often at most: it may try again without a pause. */
export const REFUSALS_TOLD_EVERY_MS = 60_000;
