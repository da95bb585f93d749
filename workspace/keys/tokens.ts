import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A new token: 32 random bytes in base64url. */
export function makeToken(): string {
  return randomBytes(32).toString('base64url');
}

/** What is kept of a token. A random token of 256 bits needs no salt and no slow hash. */
export function hashToken(token: string | Uint8Array): Uint8Array {
  return createHash('sha256').update(token).digest();
}

/** Compares a presented token with a kept hash, in a time that tells nothing. */
export function tokenMatches(token: string | Uint8Array, hash: Uint8Array): boolean {
  return timingSafeEqual(hashToken(token), hash);
}
