/** The archive as its settings make it. */
import { readFile } from 'node:fs/promises'
import type { Config } from '../config/config.js'
import { PecError } from '../errors.js'
import type { Signer } from '../smime/signer.js'
import { CrlCache } from '../smime/crl.js'
import type { OcspClient } from '../smime/ocsp.js'
import { readPem } from '../smime/pem.js'
import { TrustStore, type TrustOptions } from '../smime/trust.js'
import type { TimestampAuthority, TimestampSettings } from '../timestamp/client.js'
import type { ArchiveHouse } from './house.js'
import type { ArchiveRegister } from './register.js'

export interface ArchiveMeans {
  readonly issuer: { readonly signer: Signer }
  readonly register: ArchiveRegister
  readonly versions: Readonly<Record<string, string>>
  readonly clock: () => Date
  readonly alarm: (line: string) => void
  readonly ocsp: OcspClient
}

/** Rejects with PecError 'configuration' if a file of the time-stamping authorities cannot be used. */
export async function openArchive(config: Config, means: ArchiveMeans): Promise<ArchiveHouse> {
  const { archive, provider } = config
  const { directory, margin, months, handOver, addressee } = archive
  return {
    ...means,
    provider: { name: provider.name, domain: provider.domain },
    folder: directory,
    margin: margin * 1000,
    months,
    handOver: handOver === undefined ? undefined : { folder: handOver, addressee },
    timestamp: await openTimestamps(config, means.ocsp),
  }
}

/** The authorities that the settings name. Rejects with PecError 'configuration'. */
export async function openTimestamps({ timestamp, trust }: Config, ocsp: OcspClient): Promise<TimestampSettings> {
  const { urls, anchors, crl, crlRequired, credentialsFile, timeout } = timestamp
  const lists = crl.length === 0 ? undefined : new CrlCache({ sources: crl, copies: trust.crlCopies })
  const credentials = credentialsFile === undefined ? new Map<string, string>() : await readCredentials(credentialsFile)
  return {
    authorities: urls.map((url): TimestampAuthority => ({ url, credentials: credentials.get(url) })),
    timeout: timeout * 1000,
    trust: await openStampTrust(anchors, {
      crls: lists,
      ocsp: trust.revocation.includes('ocsp') ? ocsp : undefined,
      crlRequired,
    }),
    lists,
  }
}

/** Whose time stamps hold. */
export async function openStampTrust(
  path: string | undefined,
  revocation: Pick<TrustOptions, 'crls' | 'ocsp' | 'crlRequired'>,
): Promise<TrustStore> {
  const anchors = path === undefined ? [] : readPem(await readNamed(path), 'CERTIFICATE')
  if (path !== undefined && anchors.length === 0) throw new PecError('configuration', `${path} holds no certificate`)
  return new TrustStore({ anchors, purpose: 'time-stamping', ...revocation })
}

async function readCredentials(path: string): Promise<ReadonlyMap<string, string>> {
  const lines = (await readNamed(path)).toString('utf8').split(/\r?\n/)
  return new Map(
    lines.flatMap((line, index) => {
      if (line.trim() === '') return []
      const [, url, credentials] = /^(\S+)\s+([^\s:]+:.+)$/.exec(line) ?? []
      if (url === undefined || credentials === undefined)
        throw new PecError('configuration', `${path}, line ${index + 1}, is not URL USER:PASSWORD`)
      return [[url, credentials]]
    }),
  )
}

async function readNamed(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new PecError('configuration', `${path} cannot be read`, { cause })
  }
}
