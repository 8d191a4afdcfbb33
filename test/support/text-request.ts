/** A text request that leaves everything to the model. */

import type { TextRequest } from '../../src/engine/text-generation.ts';

export function aTextRequest(overrides: Partial<TextRequest> = {}): TextRequest {
  return {
    prompts: [{ kind: 'tokens', tokenIds: [5, 6, 7] }],
    choiceCount: 1,
    temperature: null,
    topP: null,
    topK: null,
    minP: null,
    repetitionPenalty: null,
    presencePenalty: null,
    frequencyPenalty: null,
    logitBias: new Map(),
    allowedTokenIds: null,
    badWords: [],
    seed: null,
    logprobCount: null,
    promptLogprobCount: null,
    wantsMeanLogprob: false,
    wantsStopLogprobs: false,
    newTokensMax: 20,
    newTokensRoomMax: null,
    newTokensMin: 0,
    stop: [],
    stopTokenIds: [],
    ignoreEndOfText: false,
    grammar: null,
    answerForm: null,
    prediction: null,
    cacheSalt: '',
    priority: 0,
    wantsPrompts: false,
    wantsTokenIds: false,
    wantsRunningUsage: false,
    ...overrides,
  };
}
