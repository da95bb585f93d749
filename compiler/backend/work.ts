import type {
  AddInstruction,
  ConvolveInstruction,
  MultiplyInstruction,
  PoolInstruction,
  TransferInstruction,
} from '../../contract/npu/instructions.ts';

/** An instruction of the unit EXECUTE. */
export type ExecuteInstruction = ConvolveInstruction | PoolInstruction | AddInstruction | MultiplyInstruction;

/** Constants that an instruction reads from one on-chip memory. */
export interface ConstantItem {
  memory: 'WEIGHT' | 'PARAMETER' | 'TABLE';
  /** First beat in the weight section. */
  dramOffset: number;
  /** Tiles, channel blocks or slots. */
  count: number;
  /** What the instruction's address lies behind the item's, in the same unit. */
  offset: number;
}

/** One EXECUTE instruction with the transfers around it; addresses of constants are not decided yet. */
export interface Work {
  constants: readonly ConstantItem[];
  loads: readonly TransferInstruction[];
  execute: ExecuteInstruction;
  stores: readonly TransferInstruction[];
}
