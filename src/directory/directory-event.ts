/** What a directory has to tell an operator. */
export type DirectoryEvent =
  | { readonly kind: 'loaded'; readonly domains: number; /** Undefined where nobody counts them. */ readonly mailboxes?: number }
  /** A change was not taken over: the last good copy stays in use. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Others than the owner may read the hashes. */
  | { readonly kind: 'exposed'; readonly mode: number }
  /** A server fails, or answers again. */
  | { readonly kind: 'server'; readonly line: string }
