/** The zip file of a day: written as its members come, read member by member. Bounded memory both ways. */
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { openPromise } from 'yauzl'
import { ZipFile } from 'yazl'
import type { Member } from './manifest.js'

export interface NewMember {
  readonly name: string
  readonly bytes: () => AsyncIterable<Buffer>
}

/** Writes the members in order, each read once those before it are written. Resolves with what they turned out to be. */
export async function writeZip(path: string, members: readonly NewMember[], closed: Date): Promise<Member[]> {
  const zip = new ZipFile()
  const written: Member[] = []
  const failed = new Promise<never>((_, reject) => zip.on('error', reject))
  for (const member of members)
    zip.addReadStreamLazy(member.name, { mtime: closed, mode: 0o100600 }, (done) => {
      done(null, Readable.from(measured(member, written), { objectMode: false }))
    })
  zip.end()
  await Promise.race([pipeline(zip.outputStream, createWriteStream(path, { flags: 'wx', mode: 0o600 })), failed])
  return written
}

async function* measured({ name, bytes }: NewMember, written: Member[]): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of bytes()) {
    hash.update(chunk)
    size += chunk.length
    yield chunk
  }
  written.push({ name, size, sha256: hash.digest('hex') })
}

/** The members of a zip file one after the other; each must be read to its end, or left, before the next. */
export async function* readZip(path: string): AsyncGenerator<{ readonly name: string; readonly bytes: AsyncIterable<Buffer> }> {
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false })
  try {
    for await (const entry of zip.eachEntry()) {
      const stream = await zip.openReadStreamPromise(entry)
      yield { name: entry.fileName, bytes: stream as AsyncIterable<Buffer> }
      stream.destroy()
    }
  } finally {
    zip.close()
  }
}
