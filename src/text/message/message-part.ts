/** What a model's answer consists of, once its text is told apart: what it says, what it thinks, what it calls. */

export type MessagePart =
  | { readonly kind: 'content'; readonly text: string }
  /** Without the markers around it. */
  | { readonly kind: 'reasoning'; readonly text: string }
  /** A call begins. `index` counts the calls of a message from 0. */
  | { readonly kind: 'tool-call'; readonly index: number; readonly name: string }
  /** The next piece of a call's arguments; all pieces of a whole call are one JSON object. */
  | { readonly kind: 'tool-arguments'; readonly index: number; readonly text: string };

/** Appends a part; text of the same kind is joined to the part before it. */
export function addPart(parts: MessagePart[], part: MessagePart): void {
  const last = parts.at(-1);
  if (
    last === undefined ||
    last.kind !== part.kind ||
    part.kind === 'tool-call' ||
    last.kind === 'tool-call'
  ) {
    parts.push(part);
  } else if (part.kind !== 'tool-arguments' || (last.kind === part.kind && last.index === part.index)) {
    parts[parts.length - 1] = { ...part, text: last.text + part.text };
  } else {
    parts.push(part);
  }
}
