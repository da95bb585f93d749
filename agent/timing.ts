/** What `work` gives, or `late()` thrown when it takes longer than `timeoutMs`; the work itself goes on. */
export async function withTimeout<Value>(
  work: Promise<Value>,
  options: { timeoutMs: number; late: () => Error },
): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(options.late()), options.timeoutMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
