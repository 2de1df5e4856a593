/**
 * A backup of an instance that may be running: its ledger as it is at one moment, and its folders. What belongs to a row of the ledger
 * is on the disk before that row, and stays there: so what the ledger of the backup needs is in the backup.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { isAbsolute, join, relative } from 'node:path'
import type { Config } from '../config/config.js'
import { secretsOf } from '../config/secrets.js'
import { PecError } from '../errors.js'
import { backupLedger } from '../ledger/copy.js'
import { digestOf } from '../file-digest.js'
import { copyTree, type CopiedFile } from './tree.js'

/** manifest.json */
export interface Manifest {
  readonly format: 1
  /** ISO 8601. */
  readonly at: string
  /** The engine that the ledger was on; the copy is an SQLite file. */
  readonly engine: Config['ledger']['engine']
  readonly keys: 'included' | 'left out'
  /** Settings of the instance that name files elsewhere: these are not in the backup. */
  readonly elsewhere: readonly string[]
  readonly files: readonly CopiedFile[]
}

export interface BackupOptions {
  /** Whether private keys and passphrases are in it. */
  readonly keys: boolean
  /** Whether the embedded mailboxes are in it. */
  readonly mail: boolean
}

export const LEDGER = 'ledger.sqlite'
export const INSTANCE = 'instance'
export const QUEUE = 'queue'
export const QUARANTINE = 'quarantine'

/** Writes a backup into a folder that does not exist or is empty; resolves with its manifest, the last file to be written. */
export async function backUp(config: Config, out: string, now: Date, options: BackupOptions): Promise<Manifest> {
  const inside = [config.instance, config.quarantine.directory].find((folder) => !isOutside(folder, out))
  if (inside !== undefined) throw new PecError('configuration', `${out} is in ${inside}, which is copied: choose another folder`)
  await mkdir(out, { recursive: true, mode: 0o700 })
  if ((await readdir(out)).length > 0) throw new PecError('configuration', `${out} is not empty: choose another folder`)
  const { instance } = config
  const queue = join(instance, QUEUE)
  const files: CopiedFile[] = []
  const copy = async (from: string, to: string, isWanted?: (path: string) => boolean): Promise<void> => {
    for (const file of await copyTree(from, join(out, to), isWanted)) files.push({ ...file, path: `${to}/${file.path}` })
  }
  // Before and after the ledger: whatever it has accepted and not yet seen through was in the queue in between.
  await copy(queue, QUEUE)
  await backupLedger(config.ledger, join(out, LEDGER))
  await copy(queue, QUEUE)
  await copy(config.quarantine.directory, QUARANTINE)
  await copy(instance, INSTANCE, wantedBelow(config, options))
  files.push({ path: LEDGER, ...(await digestOf(join(out, LEDGER))) })
  const manifest: Manifest = {
    ...{ format: 1, at: now.toISOString(), engine: config.ledger.engine, keys: options.keys ? 'included' : 'left out' },
    elsewhere: elsewhereOf(config),
    files,
  }
  await writeFile(join(out, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`, { mode: 0o600, flag: 'wx' })
  return manifest
}

/** All of the instance but what is made anew, what is copied in its own way, and what is not wanted. */
function wantedBelow(config: Config, { keys, mail }: BackupOptions): (path: string) => boolean {
  const below = (path: string): string => relative(config.instance, path)
  const left = new Set(['node_modules', 'queue.held', QUEUE, below(config.files.spool), below(config.quarantine.directory)])
  if (config.ledger.engine === 'sqlite')
    for (const end of ['', '-wal', '-shm', '-journal']) left.add(`${below(config.ledger.file)}${end}`)
  if (!mail) left.add('mail')
  if (!keys) for (const secret of [...secretsOf(config), config.signer.key]) left.add(below(secret))
  return (path) => !left.has(path) && (keys || !/_key\.pem$/.test(path))
}

/** What the settings name outside of the instance: it is not copied, and needed nevertheless. */
export function elsewhereOf(config: Config): readonly string[] {
  const { signer, trust, index, directory, timestamp, clientCertificates, ldap, peers, archive, options } = config
  const { source } = index
  const named = [
    ...secretsOf(config),
    ...[signer.certificate, signer.chain, trust.anchors, timestamp.anchors, clientCertificates?.authorities, peers.ca],
    ...[index.file, source?.ca, source?.client?.certificate, source?.signers],
    directory.engine === 'ldap' ? ldap.ca : directory.file,
    ...[archive.directory, options.copies],
  ]
  return named.filter((path) => path !== undefined).filter((path) => isOutside(config.instance, path))
}

function isOutside(folder: string, path: string): boolean {
  const way = relative(folder, path)
  return way.startsWith('..') || isAbsolute(way)
}
