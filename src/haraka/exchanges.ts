/**
 * Where the DNS says that a domain's mail goes. Haraka takes a domain without MX for one that is nowhere, and gives the message up,
 * when its address cannot be looked up now; only a name server that says so can tell that a domain is not there. RFC 5321 §5.1
 */
import { Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { PecError, hasCode, reasonOf } from '../errors.js'
import type { Health } from '../watch/health.js'
import { PASS, type Reply } from './hook.js'

export type Dns = Pick<Resolver, 'resolveMx' | 'resolve4' | 'resolve6' | 'resolveNs'>

interface Exchange {
  readonly exchange: string
  readonly priority: number
}

/** One query, in milliseconds; asked twice. */
const QUERY_MS = 10_000
/** For what every resolver has at hand. */
const ROOT_MS = 5000

export function openDns(): Dns {
  return new Resolver({ timeout: QUERY_MS, tries: 2 })
}

/**
 * Where mail for a domain goes, as an answer to get_mx: its exchanges in their order; a temporary failure as long as the DNS does not
 * tell; a refusal for an address literal, to which we send nothing; else a pass, upon which Haraka refuses for good.
 */
export async function exchangesOf(domain: string, dns: Dns, health: Pick<Health, 'failed' | 'works'>): Promise<Reply> {
  // Anybody can write an address literal, and the resolver would fail at it.
  if (domain.startsWith('[')) return { code: 'refuse', text: `${domain} is no name of a domain` }
  try {
    const reply = await lookUp(domain, dns)
    health.works('dns')
    return reply
  } catch (error) {
    if (await answersOthers(dns)) {
      health.works('dns')
      return { code: 'defer', text: `the name servers of ${domain} fail: ${reasonOf(error)}` }
    }
    const advice = 'see that the name servers of /etc/resolv.conf answer'
    const text = `the DNS does not tell where mail for ${domain} goes: ${reasonOf(error)}; ${advice}`
    health.failed('dns', new PecError('dns', text, { temporary: true, cause: error }))
    return { code: 'defer', text }
  }
}

/** Whether only the one domain is at fault: anybody can have one whose name servers fail, and that is no failure of ours. */
async function answersOthers(dns: Dns): Promise<boolean> {
  const answer = dns.resolveNs('.').then(() => true, saysNone)
  return Promise.race([answer, sleep(ROOT_MS, false, { ref: false })])
}

const NO_NAME: Reply = { code: 'refuse', text: 'its mail exchangers are addresses, not names' }

/** Rejects with what the DNS does not tell. */
async function lookUp(domain: string, dns: Dns): Promise<Reply> {
  try {
    const found = await dns.resolveMx(domain)
    // RFC 7505: a domain that takes no mail.
    if (found.length === 1 && found[0]?.exchange === '') return PASS
    // Haraka's local_mx_ok looks at names only: an address in the place of one might be of this very host. RFC 5321 §5.1
    const named = found.filter(({ exchange }) => isIP(exchange) === 0)
    if (found.length > 0) return named.length > 0 ? { code: 'accept', text: inOrder(named) } : NO_NAME
  } catch (error) {
    if (!saysNone(error)) throw error
  }
  const addresses = await Promise.allSettled([dns.resolve4(domain), dns.resolve6(domain)])
  if (addresses.some(({ status }) => status === 'fulfilled')) return { code: 'accept', text: [{ exchange: domain, priority: 0 }] }
  const failed = addresses.find((each): each is PromiseRejectedResult => each.status === 'rejected' && !saysNone(each.reason))
  if (failed !== undefined) throw failed.reason
  return PASS
}

/** The lowest number first; among equals at random, so that they share the load. */
function inOrder(exchanges: readonly Exchange[]): Exchange[] {
  return exchanges
    .map((each) => ({ each, chance: Math.random() }))
    .sort((a, b) => a.each.priority - b.each.priority || a.chance - b.chance)
    .map(({ each: { exchange, priority } }) => ({ exchange, priority }))
}

/** A name server has answered: there is no such name, or no such record of it. */
function saysNone(error: unknown): boolean {
  return hasCode(error, 'ENOTFOUND', 'ENODATA')
}
