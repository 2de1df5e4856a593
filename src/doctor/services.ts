/** The services that the gateway asks, each asked once. */
import { createHash, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { checkAntivirus } from '../antivirus/engine.js'
import { UNSCANNED } from '../antivirus/none.js'
import { openTimestamps } from '../archive/open.js'
import { compareClock } from '../clock/comparison.js'
import { askServer } from '../clock/time-server.js'
import type { Config } from '../config/config.js'
import { openDirectory } from '../directory/open-directory.js'
import { reasonOf } from '../errors.js'
import { LmtpConnection } from '../lmtp/connection.js'
import { openLedgerOf } from '../provider.js'
import { OcspClient } from '../smime/ocsp.js'
import { stampDigest } from '../timestamp/client.js'
import { refuse } from './examination.js'

/** Also whether it keeps what it has committed. */
export async function lookAtLedger(config: Config): Promise<string> {
  const warnings: string[] = []
  const ledger = await openLedgerOf(config, (line) => warnings.push(line))
  try {
    await ledger.isCommitted('doctor')
  } finally {
    await ledger.close()
  }
  refuse(warnings)
  return config.ledger.engine === 'sqlite' ? `SQLite in ${config.ledger.file}` : `the database ${config.ledger.database}`
}

/** Our domains. Rejects if our own or the mailbox of receipts is not there. */
export async function lookAtDirectory(config: Config): Promise<ReadonlySet<string>> {
  const { domain, receipts } = config.provider
  const directory = await openDirectory(
    config,
    () => new Date(),
    () => undefined,
  )
  try {
    refuse([
      ...(directory.managesDomain(domain) ? [] : [`${domain} is not among our domains`]),
      ...((await directory.mailbox(receipts)) === undefined ? [`${receipts}, for receipts, is no mailbox`] : []),
    ])
    return directory.domains()
  } finally {
    await directory.close()
  }
}

export async function lookAtAntivirus({ antivirus }: Config): Promise<string> {
  await checkAntivirus(antivirus)
  return antivirus.engine === 'none' ? UNSCANNED : 'clamd scans, and tells what it did not look at'
}

export async function lookAtStore({ store }: Config): Promise<string> {
  if (store.embedded) return 'the embedded store, which the gateway itself runs'
  const connection = await LmtpConnection.open(store.lmtp)
  connection.close()
  return 'the mailbox store speaks LMTP'
}

export async function lookAtClock({ clock }: Config): Promise<string> {
  if (clock === undefined) return 'not compared with others: [clock] names no servers'
  const { alarms } = await compareClock(clock.sources, clock.alarm * 1000, askServer)
  refuse(alarms)
  return `right to ${clock.alarm} s, by two sources`
}

/** Each authority is asked for a stamp: the first that answers would hide the others. */
export async function lookAtTimestamps(config: Config): Promise<string> {
  const settings = await openTimestamps(config, new OcspClient({ timeout: config.trust.ocspTimeout * 1000 }))
  const { authorities } = settings
  if (authorities.length === 0) return 'NOT ASKED FOR: archives are not stamped until [timestamp] urls names an authority'
  const digest = createHash('sha256').update('pec doctor').digest()
  const answers = await Promise.allSettled(
    authorities.map((authority) => stampDigest(digest, { ...settings, authorities: [authority] })),
  )
  refuse(answers.flatMap((answer) => (answer.status === 'rejected' ? [reasonOf(answer.reason)] : [])))
  const names = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.stamp.authority] : []))
  return `stamps of ${names.join(', ')}`
}

/** Of rspamd.ini, as Haraka reads it. */
export interface RspamdPlace {
  readonly unix_socket?: string
  readonly host?: string
  readonly port?: string | number
}

export async function lookAtSpamFilter({ spam }: Config, ini: RspamdPlace): Promise<string> {
  if (spam === undefined) return 'not asked: [spam] enabled is false'
  const { unix_socket: socketPath, host = 'localhost', port = 11_333 } = ini
  const place = socketPath === undefined || socketPath === '' ? { host, port } : { socketPath }
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const asking = request({ ...place, path: '/ping', timeout: 5000 }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    asking.on('timeout', () => asking.destroy(new Error('rspamd does not answer')))
    asking.on('error', reject)
    asking.end()
  })
  if (status !== 200) throw new Error(`rspamd answers ${String(status)} to a ping`)
  return 'rspamd answers'
}

/** The certificate of the listeners must have the name that Haraka gives itself: clients and other providers look for it. */
export async function lookAtListeners({ instance }: Config): Promise<string> {
  const certificate = new X509Certificate(await readFile(join(instance, 'config', 'tls_cert.pem')))
  const name = (await readFile(join(instance, 'config', 'me'), 'utf8')).trim()
  if (certificate.checkHost(name) === undefined) throw new Error(`the TLS certificate is not for ${name}, the name in config/me`)
  return `${name}, until ${new Date(certificate.validTo).toISOString()}`
}
