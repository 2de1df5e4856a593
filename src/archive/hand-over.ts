/**
 * Sealed days handed over to the preservation system (L6): a folder for each, with its files and the metadata in XML and JSON. A
 * folder is there whole or not at all.
 */
import { copyFile, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { escapeXml } from '../pec/xml.js'
import type { ArchiveHouse, HandOver } from './house.js'
import { readManifest, type Manifest } from './manifest.js'
import { syncFolder } from '../write-source.js'
import { filesOf, makeFolder, unfinished, writeWhole } from './place.js'

/** What the preservation system is told of an archive, in the order of L6. */
export type Metadata = Readonly<Record<(typeof NAMES)[number], string>>

const NAMES = [
  ...(['id', 'closed', 'hash', 'hashAlgorithm', 'provider', 'object', 'format', 'addressee'] as const),
  ...(['periodStart', 'periodEnd'] as const),
] as const

/** Characters that XML 1.0 does not have. */
const NOT_XML = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu

export function metadataOf({ day, provider, closed, archive, period }: Manifest, addressee: string): Metadata {
  return {
    id: `${provider.domain}/${day}`,
    closed,
    hash: archive.sha256,
    hashAlgorithm: 'SHA-256',
    provider: provider.name,
    object: 'Log dei messaggi PEC: registro degli eventi e log applicativi',
    format: 'application/zip',
    addressee,
    periodStart: period.from,
    periodEnd: period.to,
  }
}

export function metadataXml(metadata: Metadata): string {
  const lines = NAMES.map((name) => `  <${name}>${escapeXml(metadata[name].replace(NOT_XML, '\ufffd'))}</${name}>`)
  return ['<?xml version="1.0" encoding="UTF-8"?>', '<archive>', ...lines, '</archive>', ''].join('\n')
}

/** Hands over the days that are stamped. Resolves with them; none where there is nobody to hand them over to. */
export async function handOverDays({ register, folder, handOver }: ArchiveHouse): Promise<readonly string[]> {
  if (handOver === undefined) return []
  const days = await register.daysIn(['stamped'])
  for (const { day } of days) {
    await handOverDay(folder, day, handOver)
    await register.setState(day, 'handed-over')
  }
  return days.map(({ day }) => day)
}

async function handOverDay(folder: string, day: string, { folder: to, addressee }: HandOver): Promise<void> {
  const files = Object.values(filesOf(folder, day)) as string[]
  const metadata = metadataOf(readManifest(await readFile(filesOf(folder, day).manifest)), addressee)
  await makeFolder(to)
  const set = join(to, day)
  const draft = unfinished(set)
  try {
    await mkdir(draft, { mode: 0o700 })
    for (const file of files) await copyFile(file, join(draft, basename(file)))
    await writeWhole(join(draft, 'metadata.json'), `${JSON.stringify(metadata, undefined, 2)}\n`)
    await writeWhole(join(draft, 'metadata.xml'), metadataXml(metadata))
    await syncFiles(draft)
    // Of a process that died before it could say so.
    await rm(set, { recursive: true, force: true })
    await rename(draft, set)
    await syncFolder(to)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

async function syncFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = await open(join(folder, name), 'r')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
  }
  await syncFolder(folder)
}
