/** Log probabilities of tokens as OpenAI's chat completions and responses tell them. Pure. */

import type { TokenText, TokenTextLogprobs } from '../engine/text-generation.ts';
import { finiteLogprob } from './answer.ts';

function tokenOf({ text, logprob, bytes }: TokenText) {
  return { token: text, logprob: finiteLogprob(logprob), bytes: [...bytes] };
}

export function logprobOf(token: TokenTextLogprobs) {
  return { ...tokenOf(token), top_logprobs: token.top.map(tokenOf) };
}
