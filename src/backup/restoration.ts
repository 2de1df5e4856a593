/** An instance made from a backup. */
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Config } from '../config/config.js'
import { PecError, reasonOf } from '../errors.js'
import { restoreLedger } from '../ledger/copy.js'
import { INSTANCE, LEDGER, QUARANTINE, QUEUE, type Manifest } from './backup.js'
import { digestOf } from '../file-digest.js'
import { copyTree } from './tree.js'

/** Reads a backup whole, and rejects with PecError 'configuration' naming every file that is missing or not what was written. */
export async function verifyBackup(from: string): Promise<Manifest> {
  const manifest = await readManifest(from)
  const faults: string[] = []
  for (const { path, size, sha256 } of manifest.files) {
    const found = await digestOf(join(from, path)).catch(() => undefined)
    if (found === undefined) faults.push(`${path} is missing`)
    else if (found.size !== size || found.sha256 !== sha256) faults.push(`${path} is not what was written`)
  }
  if (faults.length > 0) throw new PecError('configuration', `the backup ${from} is damaged: ${faults.join('; ')}`)
  return manifest
}

async function readManifest(from: string): Promise<Manifest> {
  try {
    const manifest = JSON.parse(await readFile(join(from, 'manifest.json'), 'utf8')) as Manifest
    if ((manifest.format as number) === 1) return manifest
  } catch (cause) {
    throw new PecError('configuration', `${from} is no whole backup: its manifest.json cannot be read: ${reasonOf(cause)}`, {
      cause,
    })
  }
  throw new PecError('configuration', `the backup ${from} is of a newer release`)
}

/** The folders of an instance, into one that does not exist or is empty. */
export async function restoreFolders(from: string, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  if ((await readdir(directory)).length > 0)
    throw new PecError('configuration', `${directory} is not empty: choose another folder`)
  await copyTree(join(from, INSTANCE), directory)
  for (const folder of ['node_modules', QUEUE, 'ledger', 'mail', 'spool'])
    await mkdir(join(directory, folder), { recursive: true, mode: 0o700 })
}

/** The rest, where the settings that came with the folders say; resolves with the number of queued messages. */
export async function restoreContents(from: string, config: Config, queue: 'hold' | 'release'): Promise<number> {
  if (config.ledger.engine === 'sqlite') await mkdir(dirname(config.ledger.file), { recursive: true, mode: 0o700 })
  await restoreLedger(join(from, LEDGER), config.ledger)
  await copyTree(join(from, QUARANTINE), config.quarantine.directory)
  const target = queue === 'release' ? QUEUE : 'queue.held'
  return (await copyTree(join(from, QUEUE), join(config.instance, target))).length
}
