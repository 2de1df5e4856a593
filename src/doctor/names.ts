/** Our domains as other hosts find them. */
import type { MxRecord } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { reasonOf } from '../errors.js'
import { refuse } from './examination.js'

/** What is asked of the DNS. Each rejects where there is no answer. */
export interface Names {
  mx(domain: string): Promise<readonly Pick<MxRecord, 'exchange'>[]>
  /** Addresses of a host, of either kind. */
  addresses(host: string): Promise<readonly string[]>
}

/** Domains asked about at most: a provider may have thousands. */
const MOST = 200

export function systemNames(): Names {
  const resolver = new Resolver({ timeout: 4000, tries: 2 })
  return {
    mx: (domain) => resolver.resolveMx(domain),
    async addresses(host) {
      const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
      const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
      if (addresses.length === 0) throw answers[0].status === 'rejected' ? answers[0].reason : new Error('no address')
      return addresses
    },
  }
}

/** Each domain must have an MX record whose hosts have addresses. RFC 5321 §5.1 */
export async function lookAtDomains(domains: ReadonlySet<string>, names: Names): Promise<string> {
  const asked = [...domains].slice(0, MOST)
  const hosts = new Set<string>()
  const faults: string[] = []
  await Promise.all(
    asked.map(async (domain) => {
      try {
        const records = await names.mx(domain)
        if (records.length === 0) faults.push(`${domain} has no MX record`)
        for (const { exchange } of records) hosts.add(exchange.toLowerCase())
      } catch (error) {
        faults.push(`${domain} has no MX record: ${reasonOf(error)}`)
      }
    }),
  )
  for (const host of hosts)
    await names.addresses(host).catch((error: unknown) => faults.push(`the MX host ${host} has no address: ${reasonOf(error)}`))
  refuse(faults)
  const others = domains.size > asked.length ? ` (of ${domains.size})` : ''
  return `${asked.length} domains${others} with the MX hosts ${[...hosts].join(', ')}`
}
