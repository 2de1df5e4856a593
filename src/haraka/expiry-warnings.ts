/** Says each day in the log that a certificate of ours is about to expire: a new one takes its time. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PecError, reasonOf } from '../errors.js'
import type { Config } from '../config/config.js'
import type { Provider } from '../provider.js'
import { parseCertificate } from '../smime/certificate.js'
import { readPem } from '../smime/pem.js'
import type { Logger } from './types.js'

const DAY_MS = 86_400_000

interface Lasting {
  readonly what: string
  /** DER. */
  readonly read: () => Buffer | Promise<Buffer>
}

/** At once and then every day. Returns what stops it. */
export function startExpiryWarnings(config: Config, { issuer }: Pick<Provider, 'issuer'>, log: Logger): () => void {
  const lasting: readonly Lasting[] = [
    { what: 'signing certificate', read: () => issuer.signer.certificate },
    { what: 'TLS certificate', read: () => listenersCertificate(config) },
  ]
  const run = (): void => lasting.forEach((each) => void warn(each, config.signer.warnDays, log, new Date()))
  run()
  const timer = setInterval(run, DAY_MS).unref()
  return () => clearInterval(timer)
}

/** One look. Never rejects. */
export async function warn({ what, read }: Lasting, days: number, log: Logger, now: Date): Promise<void> {
  try {
    const { notAfter } = parseCertificate(await read())
    const left = Math.floor((notAfter.getTime() - now.getTime()) / DAY_MS)
    if (left < 0) log.logcrit(`our ${what} expired at ${notAfter.toISOString()}: put a new one in its place`)
    else if (left < days) log.logwarn(`our ${what} expires in ${left} days, at ${notAfter.toISOString()}: renew it`)
  } catch (error) {
    log.logwarn(`our ${what} cannot be looked at: ${reasonOf(error)}`)
  }
}

async function listenersCertificate({ instance }: Config): Promise<Buffer> {
  const path = join(instance, 'config', 'tls_cert.pem')
  const [certificate] = readPem(await readFile(path), 'CERTIFICATE')
  if (certificate === undefined) throw new PecError('configuration', `${path} holds no certificate`)
  return certificate
}
