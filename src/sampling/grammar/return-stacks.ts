/**
 * The rules that were entered and not left. All stacks are known to one store, so that the same stack is the same object;
 * it can forget all of them, and those that are still held somewhere then keep nothing but what lies below them.
 */

export class ReturnStack {
  /** Never given twice. */
  readonly id: number;
  /** Of the innermost rule. */
  readonly returnState: number;
  /** Null for the bottom, which returns to nothing. */
  readonly parent: ReturnStack | null;
  readonly depth: number;

  constructor(id: number, returnState: number, parent: ReturnStack | null) {
    this.id = id;
    this.returnState = returnState;
    this.parent = parent;
    this.depth = parent === null ? 0 : parent.depth + 1;
  }
}

export class ReturnStacks {
  readonly #stateCount: number;
  /** By the parent and the state to return to. */
  readonly #pushed = new Map<number, ReturnStack>();
  /** Of stacks that were forgotten, and are held elsewhere: the same as they are known now. */
  #carriedOver = new WeakMap<ReturnStack, ReturnStack>();
  #bottom = new ReturnStack(0, -1, null);
  #nextId = 1;

  /** @param stateCount of the program. */
  constructor(stateCount: number) {
    this.#stateCount = stateCount;
  }

  get bottom(): ReturnStack {
    return this.#bottom;
  }

  /** How many are known, the bottom aside. */
  get size(): number {
    return this.#pushed.size;
  }

  /** @param parent one that is known. */
  push(parent: ReturnStack, returnState: number): ReturnStack {
    const key = parent.id * this.#stateCount + returnState;
    const known = this.#pushed.get(key);
    if (known !== undefined) return known;
    const pushed = new ReturnStack(this.#nextId++, returnState, parent);
    this.#pushed.set(key, pushed);
    return pushed;
  }

  /** The same stack as it is known, whether or not it was forgotten. */
  known(stack: ReturnStack): ReturnStack {
    if (stack.id >= this.#bottom.id) return stack;
    if (stack.parent === null) return this.#bottom;
    const carried = this.#carriedOver.get(stack);
    if (carried !== undefined) return carried;
    const known = this.push(this.known(stack.parent), stack.returnState);
    this.#carriedOver.set(stack, known);
    return known;
  }

  forget(): void {
    this.#pushed.clear();
    this.#carriedOver = new WeakMap();
    this.#bottom = new ReturnStack(this.#nextId++, -1, null);
  }
}
