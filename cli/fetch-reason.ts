/** Why `fetch` failed, in a few words: its own message is always the same, the cause has the reason. */
export function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  if (cause instanceof Error) return cause.message === '' ? cause.name : cause.message;
  return thrown instanceof Error ? thrown.message : String(thrown);
}
