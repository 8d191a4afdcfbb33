/**
 * Writes ONNX graphs node by node. Owns names, constants and the protobuf form; knows no model architecture.
 * A `Value` is the name of a tensor in the graph. Sub-graphs (the branches of `If`) see the values of the graph
 * around them and share its names.
 */

import { assert } from '../base/assert.ts';
import {
  ATTRIBUTE_TYPE,
  type AttributeProto,
  DATA_TYPE,
  type DataType,
  encodeModel,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './onnx-schema.ts';

export type Value = string;

/** A number means `int`; anything else is said by its key. */
export type Attribute =
  | number
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly graph: GraphProto };

export type Attributes = Readonly<Record<string, Attribute>>;

/** Where an external tensor's bytes lie; `file` is relative to the folder that the session is given. */
export type ExternalData = { readonly file: string; readonly offset: number; readonly byteLength: number };

/** A fixed size, or a name for one that the feeds decide. */
export type Dims = readonly (number | string)[];

const MICROSOFT = 'com.microsoft';

/** Longer constants are large enough to be told apart by whoever makes them. */
const SHARED_CONSTANT_LENGTH_MAX = 16_384;

export class GraphBuilder {
  readonly #nodes: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #names: { next: number };
  /** Constants by content: the graph of 24 layers needs each shape and scalar once. */
  readonly #constants = new Map<string, Value>();

  constructor(names = { next: 0 }) {
    this.#names = names;
  }

  input(name: string, type: DataType, dims?: Dims): Value {
    this.#inputs.push(valueInfo(name, type, dims));
    return name;
  }

  /** Makes `value` an output of the graph under `name`. */
  output(name: string, value: Value, type: DataType, dims?: Dims): void {
    this.#push('Identity', '', [value], [name], {});
    this.#outputs.push(valueInfo(name, type, dims));
  }

  /** A standard operator with one output. */
  op(operator: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    const output = this.#fresh(operator);
    this.#push(operator, '', inputs, [output], attributes);
    return output;
  }

  /** A standard operator with several outputs. */
  ops(
    operator: string,
    inputs: readonly Value[],
    outputCount: number,
    attributes: Attributes = {},
  ): readonly Value[] {
    const outputs = Array.from({ length: outputCount }, () => this.#fresh(operator));
    this.#push(operator, '', inputs, outputs, attributes);
    return outputs;
  }

  /** An operator of the com.microsoft domain with one output. */
  microsoftOp(operator: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    const output = this.#fresh(operator);
    this.#push(operator, MICROSOFT, inputs, [output], attributes);
    return output;
  }

  /** Like `microsoftOp` with several outputs; `null` leaves an optional output out. */
  microsoftOps(
    operator: string,
    inputs: readonly Value[],
    wanted: readonly (string | null)[],
    attributes: Attributes = {},
  ): readonly Value[] {
    const outputs = wanted.map((label) => (label === null ? '' : this.#fresh(label)));
    this.#push(operator, MICROSOFT, inputs, outputs, attributes);
    return outputs;
  }

  /** `condition` picks one of two sub-graphs with one output each; only the picked one is computed. */
  choose(
    condition: Value,
    whenTrue: (g: GraphBuilder) => Value,
    whenFalse: (g: GraphBuilder) => Value,
  ): Value {
    return this.op('If', [condition], {
      then_branch: { graph: this.#branch(whenTrue) },
      else_branch: { graph: this.#branch(whenFalse) },
    });
  }

  /**
   * `initial`, made into another float32 value of any shape `count` times, one after the other.
   * @param count int64 []; may be 0
   * @param body is given the index of the turn, int64 [], and the value before it
   */
  fold(count: Value, initial: Value, body: (g: GraphBuilder, index: Value, before: Value) => Value): Value {
    const inner = new GraphBuilder(this.#names);
    const index = inner.input(inner.#fresh('index'), 'int64', []);
    const goesOn = inner.input(inner.#fresh('goes_on'), 'bool', []);
    const before = inner.input(inner.#fresh('before'), 'float32');
    const after = body(inner, index, before);
    inner.output(inner.#fresh('goes_on'), goesOn, 'bool');
    inner.output(inner.#fresh('after'), after, 'float32');
    return this.op('Loop', [count, '', initial], { body: { graph: inner.#graph(inner.#fresh('body')) } });
  }

  int64s(values: readonly number[]): Value {
    return this.#constant('int64', [values.length], BigInt64Array.from(values, BigInt));
  }

  int64(value: number): Value {
    return this.#constant('int64', [], BigInt64Array.of(BigInt(value)));
  }

  int32(value: number): Value {
    return this.#constant('int32', [], Int32Array.of(value));
  }

  int32s(dims: readonly number[], data: Int32Array): Value {
    return this.#constant('int32', dims, data);
  }

  uint8(value: number): Value {
    return this.#constant('uint8', [], Uint8Array.of(value));
  }

  /** @param data 1 for true */
  bools(dims: readonly number[], data: Uint8Array): Value {
    return this.#constant('bool', dims, data);
  }

  float(value: number): Value {
    return this.#constant('float32', [], Float32Array.of(value));
  }

  floats(dims: readonly number[], data: Float32Array): Value {
    return this.#constant('float32', dims, data);
  }

  /** @param data bits of the 16-bit floats */
  halfFloats(type: 'float16' | 'bfloat16', dims: readonly number[], data: Uint16Array): Value {
    return this.#constant(type, dims, data);
  }

  /** A tensor whose bytes stay in their file. The same name twice is the same tensor. */
  external(name: string, type: DataType, dims: readonly number[], data: ExternalData): Value {
    if (this.#constants.has(name)) return name;
    this.#constants.set(name, name);
    this.#initializers.push({
      name,
      data_type: DATA_TYPE[type],
      dims,
      data_location: 1,
      external_data: [
        { key: 'location', value: data.file },
        { key: 'offset', value: String(data.offset) },
        { key: 'length', value: String(data.byteLength) },
      ],
    });
    return name;
  }

  encode(): Uint8Array {
    return encodeModel(this.#graph('octavo'));
  }

  #branch(build: (g: GraphBuilder) => Value): GraphProto {
    const inner = new GraphBuilder(this.#names);
    const result = build(inner);
    const name = inner.#fresh('branch');
    inner.output(name, result, 'float32');
    return inner.#graph(name);
  }

  #graph(name: string): GraphProto {
    return {
      name,
      node: this.#nodes,
      initializer: this.#initializers,
      input: this.#inputs,
      output: this.#outputs,
    };
  }

  #constant(
    type: DataType,
    dims: readonly number[],
    data: Float32Array | Int32Array | BigInt64Array | Uint8Array | Uint16Array,
  ): Value {
    const size = dims.reduce((product, dim) => product * dim, 1);
    assert(size === data.length, `a constant of shape [${dims}] needs ${size} values, not ${data.length}`);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const key = data.length <= SHARED_CONSTANT_LENGTH_MAX ? `${type}[${dims}]=${data.join()}` : null;
    const known = key === null ? undefined : this.#constants.get(key);
    if (known !== undefined) return known;
    const name = this.#fresh('constant');
    this.#initializers.push({ name, data_type: DATA_TYPE[type], dims, raw_data: bytes });
    if (key !== null) this.#constants.set(key, name);
    return name;
  }

  #push(
    operator: string,
    domain: string,
    inputs: readonly Value[],
    outputs: readonly Value[],
    attributes: Attributes,
  ): void {
    this.#nodes.push({
      name: this.#fresh(`node_${operator}`),
      op_type: operator,
      domain,
      input: inputs,
      output: outputs,
      attribute: Object.entries(attributes).map(([name, value]) => attributeProto(name, value)),
    });
  }

  #fresh(label: string): string {
    return `${label}_${this.#names.next++}`;
  }
}

function valueInfo(name: string, type: DataType, dims?: Dims): ValueInfoProto {
  const dim = dims?.map((size) => (typeof size === 'string' ? { dim_param: size } : { dim_value: size }));
  return {
    name,
    type: { tensor_type: { elem_type: DATA_TYPE[type], ...(dim ? { shape: { dim } } : {}) } },
  };
}

function attributeProto(name: string, value: Attribute): AttributeProto {
  if (typeof value === 'number') {
    assert(Number.isInteger(value), `attribute ${name} is written as an integer but is ${value}`);
    return { name, type: ATTRIBUTE_TYPE.int, i: value };
  }
  if ('float' in value) return { name, type: ATTRIBUTE_TYPE.float, f: value.float };
  if ('ints' in value) return { name, type: ATTRIBUTE_TYPE.ints, ints: value.ints };
  return { name, type: ATTRIBUTE_TYPE.graph, g: value.graph };
}
