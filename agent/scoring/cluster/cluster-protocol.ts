import Type from '#typebox';
import { parserOf } from '../../../base/validate.ts';
import type { SerializedError } from '../../../contract/errors.ts';
import { Name } from '../../../contract/names.ts';
import type { NpuDescription, ScoringMessage } from '../../supervise/control-protocol.ts';

// Several scoring processes are the workers of a primary, which the control process takes for the one scoring process.
// A worker understands what the control process says (control-protocol.ts), and these.

/** In the environment of a worker: which of the seats is its own, from 0 up. */
export const seatVariable = 'SLUICE_SCORING_SEAT';

/** What scoring processes want of each other. */
export const PeerQuestion = Type.Union([
  Type.Object({ type: Type.Literal('statistics'), models: Type.Array(Name) }),
  Type.Object({ type: Type.Literal('metrics') }),
  Type.Object({
    type: Type.Literal('control'),
    action: Type.Union([Type.Literal('load'), Type.Literal('unload')]),
    model: Name,
  }),
]);
export type PeerQuestion = Type.Static<typeof PeerQuestion>;

const id = Type.Integer({ minimum: 0 });

const workerOrder = Type.Union([
  Type.Object({ type: Type.Literal('listen'), requestId: id }),
  Type.Object({ type: Type.Literal('question'), requestId: id, question: PeerQuestion }),
]);

/** Primary to worker: something to do, answered with `answered` or `rejected`. */
export type WorkerOrder = Type.Static<typeof workerOrder>;

/** Reads a `WorkerOrder`. Throws `invalid_request`. */
export const workerOrderParser = parserOf(workerOrder, {
  what: 'order of the primary',
  code: 'invalid_request',
});

/** Primary to worker: what came of its question. */
export type PeerReply =
  | { type: 'told'; askId: number; answers: unknown[] }
  | { type: 'refused'; askId: number; error: SerializedError };

/** Worker to primary. */
export type WorkerMessage =
  | Extract<ScoringMessage, { type: 'failed' | 'activated' | 'rejected' | 'removed' | 'configured' }>
  /** It has opened its NPU, serves nothing and does not listen yet. */
  | { type: 'opened'; npu: NpuDescription | null }
  | { type: 'answered'; requestId: number; answer: unknown }
  | { type: 'ask'; askId: number; question: PeerQuestion };
