/**
 * The way from a request to its tokens and back, step by step in one thread: the real fan-out, token streams, engine client,
 * engine, scheduler and samplers over the fake model. What passes between the two threads stays on its way for as long as
 * the dice say, in order. Readers lag, leave, and end choices early; runs fail, numbers break, the engine dies, and the
 * server is told to drain. Each choice must get what it would have got alone, and at the end nobody may hold anything.
 */

import { assert } from '../../src/base/assert.ts';
import { type ErrorCode, ServerError } from '../../src/base/errors.ts';
import { checkInvariants } from '../../src/batching/invariants.ts';
import { Scheduler } from '../../src/batching/scheduler.ts';
import { ChannelEngineClient } from '../../src/engine/channel-engine-client.ts';
import { ChoiceFanOut } from '../../src/engine/choice-fan-out.ts';
import { Engine, type StepResult } from '../../src/engine/engine.ts';
import type { Admission } from '../../src/engine/engine-client.ts';
import type { EngineCommand, EngineEvent } from '../../src/engine/protocol.ts';
import { SequenceSamplers } from '../../src/engine/sequence-samplers.ts';
import { CheckedRowSampler } from './checked-row-sampler.ts';
import { type ClientTotals, NO_CLIENT_TOTALS, type OpenRequest, takeEvent } from './client-reader.ts';
import { ClientWorld } from './client-world.ts';
import { Dice } from './dice.ts';
import { FakeModelRunner, type Fault } from './fake-model-runner.ts';
import { drawOptions, type SimulationOptions } from './options.ts';
import { eachSeed } from './seeds.ts';

/** The class under test; a planted bug puts a broken one in its place. */
export type Client = typeof ChannelEngineClient;

/** @throws SeedFailure of the first seed that fails. */
export async function simulateClients(
  fromSeed: number,
  seedCount: number,
  client: Client = ChannelEngineClient,
): Promise<ClientTotals> {
  const totals = { ...NO_CLIENT_TOTALS };
  const range = { from: fromSeed, count: seedCount };
  await eachSeed('--clients', range, (seed) => new ClientSimulation(seed, client, totals).run());
  return totals;
}

const REQUEST_COUNT = 8;
const TICK_MS = 10;
/** From then on nothing goes wrong any more. */
const CALM_TICK = 400;
/** Far more than a world needs. */
const TICKS_MAX = 20_000;

class ClientSimulation {
  readonly #dice: Dice;
  readonly #options: SimulationOptions;
  readonly #world: ClientWorld;
  readonly #totals: ClientTotals;
  readonly #scheduler: Scheduler;
  readonly #sampler: CheckedRowSampler;
  readonly #engine: Engine;
  readonly #client: ChannelEngineClient;
  /** On their way to the engine, and from it. */
  readonly #commands: EngineCommand[] = [];
  readonly #events: EngineEvent[] = [];
  readonly #open = new Set<OpenRequest>();
  /** Tokens that each sequence of the engine has gained. */
  readonly #gained = new Map<number, number>();
  readonly #inFlightMax: number;
  readonly #brokenRate: number;
  readonly #deathTick: number;
  readonly #drainTick: number;
  #requestCount = 0;
  #nowMs = 0;
  #isCalm = false;
  #hasDied = false;
  #isDraining = false;
  #hasDrained = false;

  constructor(seed: number, client: Client, totals: ClientTotals) {
    const dice = new Dice(seed + 0.75);
    const { limits, vocabularySize, candidateCount, speculation, undecidedRate } = drawOptions(seed);
    this.#dice = dice;
    this.#options = drawOptions(seed);
    this.#world = new ClientWorld(this.#options, dice);
    this.#totals = totals;
    this.#inFlightMax = dice.pick([4, 8, 16]);
    this.#brokenRate = dice.pick([0, 0, 0, 0.005]);
    this.#deathTick = dice.chance(0.15) ? dice.between(1, 60) : Number.POSITIVE_INFINITY;
    this.#drainTick = dice.chance(0.3) ? dice.between(1, 80) : Number.POSITIVE_INFINITY;
    this.#scheduler = new Scheduler(limits);
    this.#sampler = new CheckedRowSampler(new SequenceSamplers({ vocabularySize, speculation }), {
      isUndecided: () => dice.chance(undecidedRate),
      onUndecided: () => {},
    });
    const runner = new FakeModelRunner({
      ...limits,
      limits: { ...limits, vocabularySize },
      candidateCount,
      drawFault: ({ tokenCount }) => this.#drawFault(tokenCount),
      drawBroken: ({ tokenCount }) => this.#drawBroken(tokenCount),
    });
    const clock = { monotonicMs: () => this.#nowMs, unixSeconds: () => 0 };
    this.#engine = new Engine({ scheduler: this.#scheduler, runner, sampler: this.#sampler, clock });
    this.#client = new client({
      send: (command) => this.#commands.push(command),
      close: async () => true,
      inFlightMax: this.#inFlightMax,
      clock,
    });
    this.#client.receive({ kind: 'engine-ready', limits: { ...limits, vocabularySize, cacheBytes: 0 } });
  }

  async run(): Promise<void> {
    for (let tick = 0; !this.#isAtEnd; tick++) {
      assert(tick < TICKS_MAX, 'every request ends');
      this.#isCalm = tick > CALM_TICK;
      this.#nowMs += TICK_MS;
      if (tick === this.#drainTick) this.#drain();
      if (tick === this.#deathTick) this.#die();
      while (this.#requestCount < REQUEST_COUNT && this.#dice.chance(this.#options.arrivalRate))
        this.#arrive();
      for (const request of [...this.#open]) this.#look(request);
      if (!this.#hasDied) await this.#step();
      this.#deliver();
    }
    // Whoever waits for the drain is told in turns of its own.
    await new Promise((resolve) => setImmediate(resolve));
    this.#checkEnd();
  }

  get #isAtEnd(): boolean {
    if (this.#requestCount < REQUEST_COUNT || this.#open.size > 0) return false;
    return this.#hasDied || (this.#areChannelsEmpty && !this.#engine.hasWork);
  }

  get #areChannelsEmpty(): boolean {
    return this.#commands.length === 0 && this.#events.length === 0;
  }

  #drawFault(tokenCount: number): Fault | null {
    if (this.#isCalm || !this.#dice.chance(this.#options.faultRate / 3)) return null;
    const when = this.#dice.pick(['before', 'during', 'after'] as const);
    return when === 'during' ? { afterTokens: this.#dice.below(tokenCount) } : when;
  }

  #drawBroken(tokenCount: number): readonly number[] {
    if (this.#isCalm || this.#brokenRate === 0) return [];
    return Array.from({ length: tokenCount }, (_, token) => token).filter(() =>
      this.#dice.chance(this.#brokenRate),
    );
  }

  #drain(): void {
    this.#isDraining = true;
    this.#totals.drainCount++;
    void this.#client.drain().then(() => {
      this.#hasDrained = true;
    });
  }

  #die(): void {
    this.#hasDied = true;
    this.#totals.deathCount++;
    const fault = { message: 'broken', stack: 'broken', isStartupError: false };
    this.#client.receive({ kind: 'engine-fatal', fault });
  }

  #arrive(): void {
    this.#requestCount++;
    const promptCount = this.#dice.pick([1, 1, 2]);
    const choiceCount = this.#dice.pick([1, 1, 2, 3]);
    const admission = this.#admit(promptCount * choiceCount);
    if (admission === null) return;
    const choices = Array.from({ length: promptCount }, () => this.#world.drawChoices(choiceCount)).flat();
    const fanOut = new ChoiceFanOut({
      client: this.#client,
      promptCount,
      choiceCount,
      inputOf: (promptIndex, choiceIndex) => choices[promptIndex * choiceCount + choiceIndex]!.input,
      onReadable: () => {
        assert(
          this.#open.has(request),
          'only readers of open requests are told, and not before they have them',
        );
        request.isReadable = true;
      },
    });
    const request: OpenRequest = { fanOut, admission, choices, choiceCount, isReadable: false };
    this.#open.add(request);
  }

  #admit(count: number): Admission | null {
    const { inFlightCount } = this.#client.health;
    const refusal = this.#refusalOf(count);
    try {
      const admission = this.#client.admit(count);
      assert(refusal === null, `a request is refused with ${refusal}`);
      return admission;
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      assert(error.code === refusal, `a request is refused with ${refusal}, not ${error.code}`);
      assert(this.#client.health.inFlightCount === inFlightCount, 'a refused request has no place');
      if (refusal === 'queue_full') this.#totals.queueFullCount++;
      return null;
    }
  }

  #refusalOf(count: number): ErrorCode | null {
    if (this.#hasDied) return 'engine_dead';
    if (this.#isDraining) return 'shutting_down';
    if (count > this.#inFlightMax) return 'invalid_request';
    return this.#client.health.inFlightCount + count > this.#inFlightMax ? 'queue_full' : null;
  }

  /** A reader looks now and then, and now and then it leaves. */
  #look(request: OpenRequest): void {
    if (!this.#isCalm && this.#dice.chance(this.#options.abortRate / 4)) {
      this.#totals.leftCount++;
      this.#leave(request);
    } else if (request.isReadable && this.#dice.chance(0.7)) {
      request.isReadable = false;
      this.#read(request);
    }
  }

  #read(request: OpenRequest): void {
    const { fanOut, choices } = request;
    try {
      for (let told = fanOut.take(); told !== null; told = fanOut.take()) {
        takeEvent(request, told, this.#totals);
      }
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      const isExpected = error.code === 'step_failed' || (this.#hasDied && error.code === 'engine_dead');
      assert(isExpected, `a choice does not fail with ${error.code}`);
      this.#totals.failedCount++;
      this.#leave(request);
      return;
    }
    const isOver = choices.every((choice) => choice.isOver);
    assert(isOver === (fanOut.openCount === 0), 'open are those that have not ended');
    if (isOver) this.#leave(request);
  }

  /** As `RunningRequest` does: places are given back once, however often. */
  #leave(request: OpenRequest): void {
    const { fanOut, admission } = request;
    fanOut.cancel();
    admission.leave();
    admission.leave();
    this.#open.delete(request);
    assert(fanOut.take() === null, 'nothing comes after the end');
  }

  async #step(): Promise<void> {
    const arrived = this.#commands.splice(0, this.#dice.below(this.#commands.length + 1));
    let endedCount = 0;
    for (const command of arrived) if (this.#handOver(command)) endedCount++;
    const result = await this.#engine.step();
    const violations = checkInvariants(this.#scheduler.snapshot());
    assert(violations.length === 0, violations.join('; '));
    assert(this.#scheduler.sequenceCount === this.#sampler.openCount, 'each sequence has its sampler');
    if (result === null) {
      assert(arrived.length === 0, 'what arrived is told of');
      return;
    }
    this.#checkResult(result, endedCount);
    this.#events.push(structuredClone({ kind: 'step-result', ...result }));
  }

  /** @returns whether that ends a sequence of which something was of use. */
  #handOver(command: EngineCommand): boolean {
    assert(command.kind !== 'engine-close', 'nobody closes the engine');
    this.#engine.receive(command);
    if (command.kind === 'request-submit') {
      this.#gained.set(command.request.sequenceId, 0);
      return false;
    }
    const gained = this.#gained.get(command.sequenceId) ?? 0;
    this.#gained.delete(command.sequenceId);
    return command.takenCount !== null && gained > 0;
  }

  #checkResult({ tokens, failures, report }: StepResult, endedByReaders: number): void {
    let [endedCount, gapCount] = [endedByReaders, 0];
    for (const { sequenceId, finishReason } of tokens) {
      const gained = this.#gained.get(sequenceId);
      assert(gained !== undefined, 'only a sequence that the engine has gains a token');
      if (gained > 0) gapCount++;
      this.#gained.set(sequenceId, gained + 1);
      if (finishReason === null) continue;
      endedCount++;
      this.#gained.delete(sequenceId);
    }
    for (const { sequenceId } of failures) assert(this.#gained.delete(sequenceId), 'only what is open fails');
    assert(this.#gained.size === this.#scheduler.sequenceCount, 'the engine has what has not ended');
    const { ended, tokenGapsMs, preemptionCount } = report;
    assert(ended.length === endedCount, `${endedCount} have ended, not ${ended.length}`);
    assert(tokenGapsMs.length === gapCount, 'every token but the first has a gap before it');
    for (const { queueMs, prefillMs, decodeMs } of ended)
      assert(Math.min(queueMs, prefillMs, decodeMs) >= 0, 'time goes forward');
    this.#totals.preemptionCount += preemptionCount;
  }

  #deliver(): void {
    const count = this.#dice.below(this.#events.length + 1);
    for (const event of this.#events.splice(0, count)) this.#client.receive(event);
    if (this.#hasDied || !this.#areChannelsEmpty) return;
    let readCount = 0;
    for (const { fanOut } of this.#open) readCount += fanOut.openCount;
    assert(this.#scheduler.sequenceCount <= readCount, 'what nobody reads is not computed');
  }

  #checkEnd(): void {
    const { inFlightCount, withoutProgressMs } = this.#client.health;
    assert(inFlightCount === 0, 'every place is given back');
    assert(withoutProgressMs === 0, 'nobody waits for the engine');
    assert(this.#hasDrained === this.#isDraining, 'a drain ends when nobody is left');
    if (this.#hasDied) return;
    assert(this.#sampler.openCount === 0, 'every sequence is closed in the sampler');
    assert(this.#scheduler.cacheUsage === 0, 'no block is held');
  }
}
