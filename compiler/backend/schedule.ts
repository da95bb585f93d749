import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { transferFields } from '../../contract/npu/instructions.generated.ts';
import { type Group, groupOf } from './group.ts';
import { joinGroups, type Lifetime, lifetimesOf } from './lifetimes.ts';
import { gapsBetween } from './line-space.ts';
import { fieldMax } from './lower-window.ts';
import { type BlockedMap, type LoweredNetwork, linesOf, type View, wordsOf } from './operations.ts';
import type { Range } from './ranges.ts';
import { unsupportedLayer } from './refusal.ts';
import { planTiles, type TilePlan } from './tile-plan.ts';

/** A group with its tiles. */
export interface ScheduledGroup {
  group: Group;
  plan: TilePlan;
}

/** Everything that decides the program: groups in order, and which maps stay on chip, from which line on. */
export interface Schedule {
  configuration: HardwareConfiguration;
  groups: readonly ScheduledGroup[];
  residents: ReadonlyMap<BlockedMap, number>;
  lifetimes: ReadonlyMap<BlockedMap, Lifetime>;
}

/** Operations that a group may hold. */
const groupOperationsMax = 8;
/** Rounds of deciding which maps stay on chip and which groups to join. */
const roundsMax = 3;

/**
 * Decides which maps stay in activation memory, which operations are computed together tile by tile, and
 * the tiles, each time by estimated clocks. Throws `model_unsupported` naming the layer that does not fit.
 */
export function scheduleNetwork(network: LoweredNetwork): Schedule {
  const { configuration } = network;
  const single = network.operations.map((operation) => groupOf([operation], []));
  let best = new Arrangement(configuration, single);
  best.keepMaps();
  for (let round = 0; round < roundsMax; round += 1) {
    const joined = best.join();
    if (joined === undefined) break;
    const next = new Arrangement(configuration, joined);
    next.keepMaps();
    if (next.clocks >= best.clocks) break;
    best = next;
  }
  return best.schedule();
}

class Arrangement {
  readonly #configuration: HardwareConfiguration;
  readonly #groups: readonly Group[];
  readonly #lifetimes: ReadonlyMap<BlockedMap, Lifetime>;
  readonly #residents = new Map<BlockedMap, number>();
  readonly #plans: TilePlan[];

  constructor(configuration: HardwareConfiguration, groups: readonly Group[]) {
    this.#configuration = configuration;
    this.#groups = groups;
    this.#lifetimes = lifetimesOf(groups);
    this.#plans = groups.map((group, index) => {
      const plan = this.#plan(group, { index, residents: this.#residents });
      if (plan === undefined) throw this.#tooLarge(group);
      return plan;
    });
  }

  /** Estimated clocks of the whole. */
  get clocks(): number {
    return this.#plans.reduce((sum, { clocks }) => sum + clocks, 0);
  }

  schedule(): Schedule {
    const groups = this.#groups.map((group, index) => ({ group, plan: this.#plans[index] as TilePlan }));
    return {
      configuration: this.#configuration,
      groups,
      residents: this.#residents,
      lifetimes: this.#lifetimes,
    };
  }

  /** Puts maps into activation memory as long as that saves clocks, the most traffic for its time first. */
  keepMaps(): void {
    const { activationLines } = this.#configuration;
    const pitchMax = fieldMax(transferFields, 'blockPitch');
    const candidates = [...this.#lifetimes]
      .filter(([map]) => linesOf(map, this.#configuration) <= Math.min(activationLines, pitchMax))
      .map(([map, lifetime]) => ({ map, lifetime, value: trafficSaved(map, lifetime) }));
    candidates.sort((first, second) => second.value - first.value);
    for (const { map, lifetime } of candidates) this.#tryKeeping(map, lifetime);
  }

  #tryKeeping(map: BlockedMap, { groups }: Lifetime): void {
    let least = this.#plans.slice(groups.start, groups.end).reduce((sum, { clocks }) => sum + clocks, 0);
    let kept: { address: number; plans: TilePlan[] } | undefined;
    for (const address of this.#addressesFor(map, groups)) {
      const residents = new Map(this.#residents).set(map, address);
      const plans = this.#planRange(groups, residents);
      if (plans === undefined) continue;
      const clocks = plans.reduce((sum, plan) => sum + plan.clocks, 0);
      if (clocks >= least) continue;
      least = clocks;
      kept = { address, plans };
    }
    if (kept === undefined) return;
    this.#residents.set(map, kept.address);
    this.#plans.splice(groups.start, kept.plans.length, ...kept.plans);
  }

  #planRange(range: Range, residents: ReadonlyMap<BlockedMap, number>): TilePlan[] | undefined {
    const plans: TilePlan[] = [];
    for (let index = range.start; index < range.end; index += 1) {
      const plan = this.#plan(this.#groups[index] as Group, { index, residents });
      if (plan === undefined) return undefined;
      plans.push(plan);
    }
    return plans;
  }

  /** The place of an operand that ends where the map begins, or of a result; then the lowest and highest free one. */
  #addressesFor(map: BlockedMap, range: Range): number[] {
    const lines = linesOf(map, this.#configuration);
    const neighbours = this.#inPlace(map);
    const occupied = (ignored: BlockedMap | undefined): Range[] =>
      [...this.#residents].flatMap(([other, start]) => {
        const lifetime = this.#lifetimes.get(other)?.groups;
        const meets = lifetime !== undefined && lifetime.start < range.end && range.start < lifetime.end;
        return meets && other !== ignored
          ? [{ start, end: start + linesOf(other, this.#configuration) }]
          : [];
      });
    const addresses = neighbours.flatMap((neighbour) => {
      const start = this.#residents.get(neighbour) as number;
      const isFree = occupied(neighbour).every((other) => other.end <= start || start + lines <= other.start);
      return isFree ? [start] : [];
    });
    const gaps = gapsBetween(occupied(undefined), this.#configuration.activationLines).filter(
      ({ start, end }) => end - start >= lines,
    );
    const [lowest] = gaps;
    const highest = gaps.at(-1);
    if (lowest !== undefined) addresses.push(lowest.start);
    if (highest !== undefined) addresses.push(highest.end - lines);
    return [...new Set(addresses)];
  }

  /** Residents that may share lines with `map`: operand and result of an element-wise operation, word by word. */
  #inPlace(map: BlockedMap): BlockedMap[] {
    return this.#groups.flatMap((group, index) => {
      const pairs = inPlacePairs(group).filter(({ operand, result }) => {
        const dies = this.#lifetimes.get(operand)?.groups.end === index + 1 && operand.boundary === undefined;
        return dies && this.#lifetimes.get(result)?.groups.start === index;
      });
      return pairs.flatMap(({ operand, result }) => {
        const other = operand === map ? result : result === map ? operand : undefined;
        return other !== undefined && this.#residents.has(other) ? [other] : [];
      });
    });
  }

  /** Joins groups around maps that do not stay on chip, where that saves clocks; undefined if nowhere. */
  join(): Group[] | undefined {
    let groups = [...this.#groups];
    let clocks = this.#plans.map((plan) => plan.clocks);
    let joinedAny = false;
    for (const [map] of this.#lifetimes) {
      if (this.#residents.has(map)) continue;
      const lifetimes = lifetimesOf(groups);
      const range = lifetimes.get(map)?.groups;
      if (range === undefined || range.end - range.start < 2) continue;
      const joined = joinGroups(groups, { range, lifetimes });
      if (joined === undefined || joined.operations.length > groupOperationsMax) continue;
      const before = clocks.slice(range.start, range.end).reduce((sum, each) => sum + each, 0);
      const plan = this.#planJoined(joined, { range, lifetimes });
      if (plan === undefined || plan.clocks >= before) continue;
      groups = groups.toSpliced(range.start, range.end - range.start, joined);
      clocks = clocks.toSpliced(range.start, range.end - range.start, plan.clocks);
      joinedAny = true;
    }
    return joinedAny ? groups : undefined;
  }

  #planJoined(
    group: Group,
    options: { range: Range; lifetimes: ReadonlyMap<BlockedMap, Lifetime> },
  ): TilePlan | undefined {
    const { range, lifetimes } = options;
    const occupied = [...this.#residents].flatMap(([map, start]) => {
      const other = lifetimes.get(map)?.groups;
      const isLive = other !== undefined && other.start < range.end && range.start < other.end;
      const isInside = group.internals.includes(map);
      return isLive && !isInside ? [{ start, end: start + linesOf(map, this.#configuration) }] : [];
    });
    return planTiles(group, {
      configuration: this.#configuration,
      isResident: (map) => this.#residents.has(map) && !group.internals.includes(map),
      storeCount: storeCountOf(group.output.map, { lifetimes, residents: this.#residents }),
      gaps: gapsBetween(occupied, this.#configuration.activationLines),
    });
  }

  #plan(
    group: Group,
    options: { index: number; residents: ReadonlyMap<BlockedMap, number> },
  ): TilePlan | undefined {
    const { index, residents } = options;
    const occupied = [...residents].flatMap(([map, start]) => {
      const lifetime = this.#lifetimes.get(map)?.groups;
      const isLive = lifetime !== undefined && lifetime.start <= index && index < lifetime.end;
      return isLive ? [{ start, end: start + linesOf(map, this.#configuration) }] : [];
    });
    return planTiles(group, {
      configuration: this.#configuration,
      isResident: (map) => residents.has(map),
      storeCount: storeCountOf(group.output.map, { lifetimes: this.#lifetimes, residents }),
      gaps: gapsBetween(occupied, this.#configuration.activationLines),
    });
  }

  #tooLarge(group: Group): Error {
    const name = group.operations[0]?.name ?? '';
    const { activationLines, pixelParallel, name: configuration } = this.#configuration;
    const limit = `${activationLines} lines of ${pixelParallel} words`;
    return unsupportedLayer(
      name,
      `its smallest tile does not fit configuration ${configuration} with ${limit}`,
    );
  }
}

/** Whole maps that a group of one element-wise operation reads and writes word by word. */
function inPlacePairs({ operations }: Group): { operand: BlockedMap; result: BlockedMap }[] {
  const [operation] = operations;
  if (operations.length !== 1 || operation === undefined) return [];
  if (operation.kind !== 'add' && operation.kind !== 'multiply') return [];
  const isWhole = (view: View): boolean => view.blocks === view.map.blocks;
  const { output, inputs, broadcast } = operation;
  if (!isWhole(output)) return [];
  const operands = (broadcast ? inputs.slice(0, 1) : inputs).filter(isWhole);
  return operands.map(({ map }) => ({ operand: map, result: output.map }));
}

/** Regions that a map is stored to: one that leaves the NPU, and one for later groups. */
export function storeCountOf(
  map: BlockedMap,
  options: { lifetimes: ReadonlyMap<BlockedMap, Lifetime>; residents: ReadonlyMap<BlockedMap, number> },
): number {
  const isRead = (options.lifetimes.get(map)?.readers.length ?? 0) > 0;
  const isSpilled = isRead && !options.residents.has(map);
  return (map.boundary === 'OUTPUT' ? 1 : 0) + (isSpilled ? 1 : 0);
}

/** Words that need not be moved when a map stays on chip, for each group of its lifetime. */
function trafficSaved(map: BlockedMap, { readers, groups }: Lifetime): number {
  return (wordsOf(map) * (1 + readers.length)) / (groups.end - groups.start);
}
