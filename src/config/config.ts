/**
 * The settings of the gateway, from config/pec.ini. Every fault is found before anything starts; nothing else reads the file. Each
 * section has a file of its own.
 */
import { PecError } from '../errors.js'
import { alarms } from './alarms.js'
import { account } from './account.js'
import { antivirus } from './antivirus.js'
import { archive } from './archive.js'
import { clientCertificates } from './client-certificates.js'
import { clock } from './clock.js'
import { deadlines } from './deadlines.js'
import { delivery } from './delivery.js'
import { directory } from './directory.js'
import { files } from './files.js'
import { interoperability } from './interoperability.js'
import { ldap } from './ldap.js'
import { ledger } from './ledger.js'
import { limits } from './limits.js'
import { listeners } from './listeners.js'
import { log } from './log.js'
import { monitor } from './monitor.js'
import { options } from './options.js'
import { peers, peerTls, routes } from './peers.js'
import { provider } from './provider.js'
import { index } from './provider-index.js'
import { quarantine } from './quarantine.js'
import { reception } from './reception.js'
import { retrieval } from './retrieval.js'
import type { Section } from './section.js'
import { signer } from './signer.js'
import { spam } from './spam.js'
import { store } from './store.js'
import { timestamp } from './timestamp.js'
import { tokens } from './tokens.js'
import { trust } from './trust.js'
import { Values, type Ini } from './values.js'

export const SECTIONS = {
  ...{ archive, timestamp, retrieval, interoperability },
  ...{ provider, listeners, signer, tokens, trust, index, directory, ldap, ledger, store, limits },
  ...{ antivirus, quarantine, reception, spam, clock, delivery, deadlines, peers, peerTls, routes },
  ...{ files, log, monitor, account, alarms, options, clientCertificates },
}

type Contents<Sections> = { readonly [Name in keyof Sections]: Sections[Name] extends Section<infer T> ? Readonly<T> : never }

export interface Config extends Contents<typeof SECTIONS> {
  /** The instance's directory. */
  readonly instance: string
}

/**
 * Turns the file into settings. Paths come out absolute, below `instance` where they were relative.
 * Throws PecError 'configuration' naming every fault.
 */
export function parseConfig(ini: Ini, instance: string): Config {
  const faults: string[] = []
  const contents = Object.entries(SECTIONS).map(([name, section]) => [
    name,
    section.read(new Values(section.name, ini, instance, faults)),
  ])
  faults.push(...strangersIn(ini))
  if (faults.length > 0) throw new PecError('configuration', `pec.ini: ${faults.join('; ')}`)
  return { ...(Object.fromEntries(contents) as Contents<typeof SECTIONS>), instance }
}

/** What no section knows. */
function strangersIn(ini: Ini): string[] {
  const { main = {}, ...sections } = ini
  const known = new Map<string, Section<unknown>>(Object.values(SECTIONS).map((section) => [section.name, section]))
  const strangers = Object.entries(sections).flatMap(([name, values]) => {
    const keys = known.get(name)?.keys
    if (keys === undefined) return [`[${name}] is not a section of pec.ini`]
    if (keys === 'free') return []
    return Object.keys(values ?? {}).flatMap((key) => (keys.includes(key) ? [] : [`[${name}] ${key} is not a setting`]))
  })
  return [...strangers, ...Object.keys(main).map((key) => `${key} stands before the first section`)]
}
