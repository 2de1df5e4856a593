/** Policies on ordinary mail on the command line. */
import { readFile } from 'node:fs/promises'
import type { Config } from '../config/config.js'
import { formatPolicy, parsePolicy, POLICY_WORDS } from '../directory/ordinary-mail.js'
import { PecError } from '../errors.js'
import { domainOf } from '../mail/address.js'
import type { OrdinaryMailPolicy } from '../points/ports.js'
import { readIndex } from '../providers/provider-index.js'

export const POLICY_ARGUMENT = 'accept (in an anomaly envelope), reject, forward:ADDRESS, or default'

/** Undefined for `default`. Throws PecError 'configuration' for what is no policy, or one that could lead in circles. */
export async function readPolicy(text: string, config: Config): Promise<OrdinaryMailPolicy | undefined> {
  if (text === 'default') return undefined
  const policy = parsePolicy(text)
  if (policy === undefined) throw new PecError('configuration', `${text} is none of ${POLICY_WORDS}, default`)
  if (typeof policy === 'object') await refuseCertified(policy.forward, 'ordinary mail goes on to ordinary mail only', config)
  return policy
}

/** Throws PecError 'configuration', with the reason, for an address of ours or of another provider. */
export async function refuseCertified(address: string, reason: string, { index }: Config): Promise<void> {
  const provider = readIndex(await readFile(index.file)).index.byDomain(domainOf(address))
  if (provider !== undefined) throw new PecError('configuration', `${address} is certified mail of ${provider.name}: ${reason}`)
}

export function describePolicy(policy: OrdinaryMailPolicy | undefined, otherwise: string): string {
  return policy === undefined ? otherwise : formatPolicy(policy)
}
