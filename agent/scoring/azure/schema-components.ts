type Schema = Record<string, unknown>;

/** Where JSON Schema keeps what a schema refers to: `$defs`, and `definitions` before draft 2019-09. */
const definitionKeys = ['$defs', 'definitions'] as const;
/** Words that say something of the document that a schema was, not of values. */
const documentKeys: ReadonlySet<string> = new Set(['$schema', '$id', '$anchor', ...definitionKeys]);
/** Words whose value is data, in which nothing is a schema. */
const dataKeys: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'example', 'examples']);

/**
 * A JSON Schema as components of an OpenAPI document: itself under `name`, each of its definitions under
 * `name.definition`, and its references pointing there. `base` is where components stand.
 */
export function componentsOf(options: {
  name: string;
  schema: object;
  base: string;
}): Record<string, Schema> {
  const { name, base } = options;
  const schema = options.schema as Schema;
  const referenceOf = (reference: string): string => {
    if (reference === '#') return base + name;
    const [, definition] = /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(reference) ?? [];
    return definition === undefined ? reference : `${base}${name}.${definition}`;
  };
  const moved = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(moved);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => !documentKeys.has(key))
        .map(([key, each]) => {
          if (key === '$ref' && typeof each === 'string') return [key, referenceOf(each)];
          // Under `properties` a key is a name, so a property may be called as any of these words.
          if (key === 'properties' && typeof each === 'object' && each !== null) return [key, namedOf(each)];
          return [key, dataKeys.has(key) ? each : moved(each)];
        }),
    );
  };
  const namedOf = (schemas: object): Schema =>
    Object.fromEntries(Object.entries(schemas).map(([key, each]) => [key, moved(each)]));
  const definitions = definitionKeys.flatMap((key) => Object.entries((schema[key] ?? {}) as Schema));
  return Object.fromEntries([
    [name, moved(schema) as Schema],
    ...definitions.map(([key, each]) => [`${name}.${key}`, moved(each) as Schema] as const),
  ]);
}
