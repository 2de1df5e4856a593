/**
 * What is taken over while the gateway runs, by the checks of the start: key and certificate, trust anchors, authorities of peers and of
 * users (K4).
 */
import type { Config } from './config/config.js'
import { PecError } from './errors.js'
import { findOwnFaults, openSigner, readAnchors, readClientAuthorities, readPeerAuthorities, type Surroundings } from './keys.js'
import { parseCertificate } from './smime/certificate.js'
import type { Signer } from './smime/signer.js'
import type { TrustStore } from './smime/trust.js'
import { stampsOf, watchFiles, type TakeOver, type Watch, type WatchedFiles } from './watched-files.js'

/** What is in use: whoever works with it asks each time. */
export interface Held {
  signer: Signer
  peerAuthorities: Buffer | undefined
  /** By which users' certificates are judged; undefined where nobody logs in with one. */
  readonly clientTrust: TrustStore | undefined
}

/** Of key and certificate, of the trust anchors, of the authorities of peers and of users. */
type Stamps = readonly [string, string, string, string]

export interface RollOverOptions {
  /** The files as they were before they were opened. */
  readonly seen: Stamps
  /** Gets lines for the log. */
  readonly onEvent: (line: string) => void
  /** Told what becomes of replaced files. */
  readonly tell?: (what: 'keys' | 'trust', files: string, outcome: TakeOver) => void
}

/** How long the former key goes on for signatures that have begun with it, in milliseconds. */
const PARTING_MS = 60_000

/** What the files look like now. */
export async function keyStamps(config: Config): Promise<Stamps> {
  const { signer, anchors, peers, users } = pathsOf(config)
  return [await stampsOf(signer), await stampsOf(anchors), await stampsOf(peers), await stampsOf(users)]
}

/** Watches the files that the settings name. */
export function watchRollOver(config: Config, held: Held, surroundings: Surroundings, options: RollOverOptions): Watch {
  const { seen, onEvent, tell } = options
  const tellOf = (what: 'keys' | 'trust', files: string) => ({ tell: (outcome: TakeOver) => tell?.(what, files, outcome) })
  const { signer, anchors, peers, users } = pathsOf(config)
  const watched: readonly WatchedFiles[] = [
    {
      ...{ what: 'the signing key and certificate', paths: signer, seen: seen[0], ...tellOf('keys', 'the signing key') },
      take: () => takeSigner(config, held, surroundings, onEvent),
    },
    {
      ...{ what: 'the trust anchors', paths: anchors, seen: seen[1], ...tellOf('trust', 'the trust anchors') },
      take: () => takeAnchors(config, surroundings),
    },
    {
      ...{
        what: "the authorities of other providers' TLS certificates",
        paths: peers,
        seen: seen[2],
        ...tellOf('trust', 'authorities of peers'),
      },
      take: () => takePeerAuthorities(config, held),
    },
    {
      ...{ what: "the authorities of users' certificates", paths: users, seen: seen[3] },
      ...tellOf('trust', 'authorities of users'),
      take: () => takeClientAuthorities(config, held),
    },
  ]
  const watches = watched.map((files) => watchFiles(files, config.signer.refresh * 1000, onEvent))
  return {
    async look() {
      for (const watch of watches) await watch.look()
    },
    stop: () => watches.forEach((watch) => watch.stop()),
  }
}

function pathsOf(config: Config): Readonly<Record<'signer' | 'anchors' | 'peers' | 'users', readonly string[]>> {
  const { signer, tokens, trust, peers, clientCertificates } = config
  const key = tokens === undefined ? [signer.key, signer.passphraseFile] : []
  return {
    signer: [...key, signer.certificate, signer.chain].filter((path) => path !== undefined),
    anchors: [trust.anchors],
    peers: peers.ca === undefined ? [] : [peers.ca],
    users: clientCertificates === undefined ? [] : [clientCertificates.authorities],
  }
}

async function takeSigner(
  config: Config,
  held: Held,
  surroundings: Surroundings,
  onEvent: (line: string) => void,
): Promise<string> {
  const next = await openSigner(config, 'strict', onEvent)
  const faults = await findOwnFaults(config, next, surroundings)
  if (faults.length > 0) {
    next.close?.()
    throw new PecError('configuration', faults.join('; '))
  }
  const former = held.signer
  held.signer = next
  setTimeout(() => former.close?.(), PARTING_MS).unref()
  return `valid until ${parseCertificate(next.certificate).notAfter.toISOString()}`
}

async function takeAnchors(config: Config, { trust }: Surroundings): Promise<string> {
  const anchors = await readAnchors(config)
  trust.replaceAnchors(anchors)
  return `${anchors.length} certificates`
}

async function takePeerAuthorities(config: Config, held: Held): Promise<string> {
  held.peerAuthorities = await readPeerAuthorities(config)
  return String(config.peers.ca)
}

async function takeClientAuthorities(config: Config, { clientTrust }: Held): Promise<string> {
  const authorities = (await readClientAuthorities(config)) ?? []
  clientTrust?.replaceAnchors(authorities)
  return `${authorities.length} certificates`
}
