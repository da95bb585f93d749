import protobuf from 'protobufjs';

/** How a field's value stands on the wire (protobuf encoding, message structure). */
export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Takes a field's value, all of it, into what a message becomes. */
export type FieldReader<Target> = (target: Target, reader: protobuf.Reader) => void;

/** Readers of fields by their tags. */
export type FieldReaders<Target> = ReadonlyMap<number, FieldReader<Target>>;

/** The tag in front of a field's value. */
export function tagOf(field: number, wireType: number): number {
  return (field << 3) | wireType;
}

/**
 * Walks the fields of a message and reads those that have a reader under their tag; others are skipped, as the
 * encoding asks for. Unlike a generated decoder it keeps nothing that nobody asked for, so a message need not take
 * more memory than its bytes. Throws an `Error` for what is no message.
 */
export function readFields<Target>(bytes: Uint8Array, target: Target, readers: FieldReaders<Target>): Target {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.tag();
    const read = readers.get(tag);
    if (read === undefined) reader.skipType(tag & 7, 0, tag >>> 3);
    else read(target, reader);
  }
  return target;
}
