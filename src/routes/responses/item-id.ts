/** Names of items, as OpenAI's look. Pure. */

const PREFIXES = {
  message: 'msg_',
  reasoning: 'rs_',
  function_call: 'fc_',
  function_call_output: 'fco_',
  /** What a call is named by towards its output. */
  call: 'call_',
} as const;

/** @param newId a new name on every call. */
export function newItemId(kind: keyof typeof PREFIXES, newId: () => string): string {
  return PREFIXES[kind] + newId().replaceAll('-', '');
}
