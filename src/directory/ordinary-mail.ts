/** The policy on ordinary mail as people write it: in the directory's file and on the command line. */
import { isAddress } from '../mail/address.js'
import type { OrdinaryMailPolicy } from '../points/ports.js'

/** For messages about what is none. */
export const POLICY_WORDS = 'accept, reject, forward:ADDRESS'

const FORWARD = 'forward:'

/** Undefined if it is none. */
export function parsePolicy(text: string): OrdinaryMailPolicy | undefined {
  if (text === 'accept' || text === 'reject') return text
  const forward = text.startsWith(FORWARD) ? text.slice(FORWARD.length) : ''
  return isAddress(forward) ? { forward } : undefined
}

export function formatPolicy(policy: OrdinaryMailPolicy): string {
  return typeof policy === 'string' ? policy : `${FORWARD}${policy.forward}`
}
