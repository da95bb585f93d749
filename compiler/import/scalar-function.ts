/**
 * A function of one real number as an expression. Calls have the names of ONNX's operators and mean what
 * those mean; `parameters` are their attributes. Every function here has a finite value for every finite
 * argument, up to the range of the type.
 */
export type ScalarFunction =
  | { kind: 'argument' }
  | { kind: 'constant'; value: number }
  | {
      kind: 'call';
      operator: ScalarOperator;
      operands: readonly ScalarFunction[];
      /** Attributes in the order of `scalarParameters`. */
      parameters: readonly number[];
    };

type Evaluator = (operands: readonly number[], parameters: readonly number[]) => number;

interface ScalarRule {
  /** ONNX's names of the attributes, and their defaults. */
  parameters: Readonly<Record<string, number>>;
  evaluate: Evaluator;
}

const plain = (evaluate: (first: number, second: number) => number): ScalarRule => ({
  parameters: {},
  evaluate: ([first = 0, second = 0]) => evaluate(first, second),
});

const rules = {
  Add: plain((a, b) => a + b),
  Sub: plain((a, b) => a - b),
  Mul: plain((a, b) => a * b),
  /** The second operand is a constant other than 0. */
  Div: plain((a, b) => a / b),
  Max: plain(Math.max),
  Min: plain(Math.min),
  Neg: plain((a) => -a),
  Abs: plain(Math.abs),
  Exp: plain(Math.exp),
  Tanh: plain(Math.tanh),
  Erf: plain(errorFunction),
  Relu: plain((a) => Math.max(a, 0)),
  Sigmoid: plain(sigmoid),
  Softplus: plain(softplus),
  Softsign: plain((a) => a / (1 + Math.abs(a))),
  HardSwish: plain((a) => a * clamp(a / 6 + 0.5, 0, 1)),
  Mish: plain((a) => a * Math.tanh(softplus(a))),
  LeakyRelu: { parameters: { alpha: 0.01 }, evaluate: ([a = 0], [alpha = 0]) => (a < 0 ? alpha * a : a) },
  Elu: { parameters: { alpha: 1 }, evaluate: ([a = 0], [alpha = 0]) => (a < 0 ? alpha * Math.expm1(a) : a) },
  Celu: {
    parameters: { alpha: 1 },
    evaluate: ([a = 0], [alpha = 1]) => Math.max(a, 0) + Math.min(0, alpha * Math.expm1(a / alpha)),
  },
  Selu: {
    parameters: { alpha: 1.6732631921768188, gamma: 1.0507010221481323 },
    evaluate: ([a = 0], [alpha = 0, gamma = 0]) => gamma * (a < 0 ? alpha * Math.expm1(a) : a),
  },
  ThresholdedRelu: { parameters: { alpha: 1 }, evaluate: ([a = 0], [alpha = 0]) => (a > alpha ? a : 0) },
  HardSigmoid: {
    parameters: { alpha: 0.2, beta: 0.5 },
    evaluate: ([a = 0], [alpha = 0, beta = 0]) => clamp(alpha * a + beta, 0, 1),
  },
} satisfies Record<string, ScalarRule>;

/** Operators that a scalar function is made of. */
export type ScalarOperator = keyof typeof rules;

/** The argument itself. */
export const argument: ScalarFunction = { kind: 'argument' };

/** A constant. */
export function constant(value: number): ScalarFunction {
  return { kind: 'constant', value };
}

/** A call; parameters left out have ONNX's defaults. */
export function call(
  operator: ScalarOperator,
  operands: readonly ScalarFunction[],
  parameters: readonly number[] = Object.values(rules[operator].parameters),
): ScalarFunction {
  return { kind: 'call', operator, operands, parameters };
}

/** Whether ONNX's operator of that name may stand in a scalar function. */
export function isScalarOperator(name: string): name is ScalarOperator {
  return Object.hasOwn(rules, name);
}

/** Names and defaults of an operator's attributes, in the order of a call's `parameters`. */
export function scalarParameters(operator: ScalarOperator): Readonly<Record<string, number>> {
  return rules[operator].parameters;
}

/** The function's value in float64. */
export function evaluateScalar(scalar: ScalarFunction, value: number): number {
  switch (scalar.kind) {
    case 'argument':
      return value;
    case 'constant':
      return scalar.value;
    case 'call':
      return rules[scalar.operator].evaluate(
        scalar.operands.map((operand) => evaluateScalar(operand, value)),
        scalar.parameters,
      );
  }
}

/** The function of another function's result. */
export function compose(outer: ScalarFunction, inner: ScalarFunction): ScalarFunction {
  switch (outer.kind) {
    case 'argument':
      return inner;
    case 'constant':
      return outer;
    case 'call':
      return { ...outer, operands: outer.operands.map((operand) => compose(operand, inner)) };
  }
}

/** As reports show it: `Mul(x, Clip ...)`. */
export function describeScalar(scalar: ScalarFunction): string {
  switch (scalar.kind) {
    case 'argument':
      return 'x';
    case 'constant':
      return String(Number(scalar.value.toPrecision(6)));
    case 'call':
      return `${scalar.operator}(${[...scalar.operands.map(describeScalar), ...scalar.parameters.map(String)].join(', ')})`;
  }
}

/** Calls in the expression: what bounds its size. */
export function callCount(scalar: ScalarFunction): number {
  return scalar.kind === 'call' ? scalar.operands.reduce((sum, operand) => sum + callCount(operand), 1) : 0;
}

/** `scale * x + shift` when the function is that by its form; undefined otherwise. */
export function affineOf(scalar: ScalarFunction): { scale: number; shift: number } | undefined {
  if (scalar.kind === 'argument') return { scale: 1, shift: 0 };
  if (scalar.kind === 'constant') return { scale: 0, shift: scalar.value };
  const [first, second] = scalar.operands.map(affineOf);
  if (first === undefined) return undefined;
  if (scalar.operator === 'Neg') return { scale: -first.scale, shift: -first.shift };
  if (second === undefined) return undefined;
  switch (scalar.operator) {
    case 'Add':
      return { scale: first.scale + second.scale, shift: first.shift + second.shift };
    case 'Sub':
      return { scale: first.scale - second.scale, shift: first.shift - second.shift };
    case 'Mul':
      if (first.scale === 0) return { scale: first.shift * second.scale, shift: first.shift * second.shift };
      if (second.scale === 0) return { scale: first.scale * second.shift, shift: first.shift * second.shift };
      return undefined;
    case 'Div':
      if (second.scale !== 0) return undefined;
      return { scale: first.scale / second.shift, shift: first.shift / second.shift };
    default:
      return undefined;
  }
}

/** Bounds when the function does nothing but clamp its argument (Relu, Clip, Max, Min); undefined otherwise. */
export function clampOf(scalar: ScalarFunction): { minimum: number; maximum: number } | undefined {
  if (scalar.kind === 'argument') {
    return { minimum: Number.NEGATIVE_INFINITY, maximum: Number.POSITIVE_INFINITY };
  }
  if (scalar.kind === 'constant') return { minimum: scalar.value, maximum: scalar.value };
  const [first, second] = scalar.operands.map(clampOf);
  const both = first !== undefined && second !== undefined;
  if (scalar.operator === 'Relu' && first !== undefined) return clampBounds(first, Math.max, 0);
  const isOneConstant = scalar.operands.some(({ kind }) => kind === 'constant');
  if (!both || !isOneConstant) return undefined;
  const [bounds, bound] = scalar.operands[0]?.kind === 'constant' ? [second, first] : [first, second];
  if (scalar.operator === 'Max') return clampBounds(bounds, Math.max, bound.minimum);
  if (scalar.operator === 'Min') return clampBounds(bounds, Math.min, bound.minimum);
  return undefined;
}

function clampBounds(
  { minimum, maximum }: { minimum: number; maximum: number },
  pick: (first: number, second: number) => number,
  bound: number,
): { minimum: number; maximum: number } {
  return { minimum: pick(minimum, bound), maximum: pick(maximum, bound) };
}

function clamp(value: number, minimum: number, maximum: number): number {
  return Math.min(Math.max(value, minimum), maximum);
}

function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

/** log(1 + e^x) in the form that does not overflow. */
function softplus(value: number): number {
  return Math.max(value, 0) + Math.log1p(Math.exp(-Math.abs(value)));
}

/**
 * The error function to about 1e-15: its Maclaurin series below 3, the continued fraction of its complement
 * above (Abramowitz and Stegun 7.1.6 and 7.1.14).
 */
function errorFunction(value: number): number {
  const size = Math.abs(value);
  if (size > 6) return Math.sign(value);
  if (size < 3) {
    let term = value;
    let sum = value;
    for (let index = 1; Math.abs(term) > 1e-17 * Math.abs(sum); index += 1) {
      term *= (2 * value * value) / (2 * index + 1);
      sum += term;
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-value * value) * sum;
  }
  let fraction = size;
  for (let index = 60; index >= 1; index -= 1) fraction = size + index / 2 / fraction;
  return Math.sign(value) * (1 - Math.exp(-size * size) / (Math.sqrt(Math.PI) * fraction));
}
