/**
 * Whether every topic that `inner` can match is matched by `outer` too (MQTT 3.1.1, section 4.7).
 * Access rules need this and not mere matching: the filter `#` matches no rule's text, yet reads everything.
 */
export function filterContains(outer: string, inner: string): boolean {
  const outerLevels = outer.split('/');
  const innerLevels = inner.split('/');
  for (const [index, level] of outerLevels.entries()) {
    if (level === '#') return true;
    const other = innerLevels[index];
    if (other === undefined || other === '#') return false;
    if (level !== '+' && level !== other) return false;
  }
  return outerLevels.length === innerLevels.length;
}

/** Whether a topic, which has no wildcards, is matched by a filter. */
export function filterMatches(filter: string, topic: string): boolean {
  return filterContains(filter, topic);
}
