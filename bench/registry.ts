/** The scenarios that there are, in the order in which they are listed. A new one is a file and a line here. */

import type { Scenario } from './scenario.ts';
import { cachedPrefix } from './scenarios/cached-prefix.ts';
import { coldStart } from './scenarios/cold-start.ts';
import { drafts } from './scenarios/drafts.ts';
import { grammar } from './scenarios/grammar.ts';
import { grammarDelay } from './scenarios/grammar-delay.ts';
import { grammarStep } from './scenarios/grammar-step.ts';
import { kvWaste } from './scenarios/kv-waste.ts';
import { load } from './scenarios/load.ts';
import { longPrompt } from './scenarios/long-prompt.ts';
import { longText } from './scenarios/long-text.ts';
import { merge } from './scenarios/merge.ts';
import { peer } from './scenarios/peer.ts';
import { queue } from './scenarios/queue.ts';
import { serverCost } from './scenarios/server-cost.ts';
import { steps } from './scenarios/steps.ts';

export const SCENARIOS: readonly Scenario[] = [
  load,
  serverCost,
  peer,
  longPrompt,
  longText,
  cachedPrefix,
  queue,
  kvWaste,
  coldStart,
  steps,
  grammar,
  grammarDelay,
  grammarStep,
  drafts,
  merge,
];

/** What is measured when nothing else is named. */
export const PRESET = load.name;
