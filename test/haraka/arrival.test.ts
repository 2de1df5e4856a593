import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { Arrival } from '../../src/haraka/arrival.js'
import { readAll } from '../../src/mail/source.js'

const directory = mkdtempSync(join(tmpdir(), 'pec-arrival-'))
after(() => rmSync(directory, { recursive: true }))

let number = 0
const begin = (memory: number, where = directory): Arrival => new Arrival(`UUID.${++number}`, { directory: where, memory })
const lastFile = (): string => join(directory, `UUID.${number}.eml`)
const ended = (arrival: Arrival): Promise<void> => new Promise((resolve) => arrival.add_line_end(resolve))

async function bytesOf(arrival: Arrival): Promise<string> {
  return (await readAll(await arrival.source())).toString('latin1')
}

const LINES = ['Subject: =?x?=  \r\n', 'X-\xff: \0\r\n', '\r\n', '..dot\r\n', '.x\r\n', 'bare\rCR\r\n', 'no end']
const PLAIN = 'Subject: =?x?=  \r\nX-\xff: \0\r\n\r\n.dot\r\nx\r\nbare\rCR\r\nno end'

describe('a message that arrives', () => {
  for (const [where, memory] of [
    ['in memory', 1000],
    ['in a file', 0],
    ['in memory at first, then in a file', 20],
  ] as const) {
    test(`${where} has the bytes that came in, without the dots of the wire`, async () => {
      const arrival = begin(memory)
      for (const line of LINES) arrival.add_line(Buffer.from(line, 'latin1'))
      await ended(arrival)
      assert.equal(await bytesOf(arrival), PLAIN)
      assert.equal(await bytesOf(arrival), PLAIN, 'a second time')
      assert.equal((await arrival.source()).size, PLAIN.length)
      assert.equal(existsSync(lastFile()), memory < 1000)
      arrival.destroy()
      assert.ok(!existsSync(lastFile()))
    })
  }

  test('is the same in memory and in a file, whatever its lines', async () => {
    const line = fc.string({ unit: fc.constantFrom('.', 'a', '\xe9', ' '), maxLength: 30 }).map((text) => `${text}\r\n`)
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.nat({ max: 200 }), async (lines, memory) => {
        const arrival = begin(memory)
        for (const text of lines) arrival.add_line(Buffer.from(text, 'latin1'))
        await ended(arrival)
        assert.equal(await bytesOf(arrival), lines.map((text) => text.replace(/^\./, '')).join(''))
        arrival.destroy()
      }),
      { numRuns: 40 },
    )
  })

  test('keeps little of a large message in memory, and the rest where only the owner can read it', async () => {
    const arrival = begin(1_000_000)
    const line = Buffer.from(`${'x'.repeat(76)}\r\n`)
    const lines = 100_000
    for (let count = 0; count < lines; count++) arrival.add_line(line)
    await ended(arrival)
    const source = await arrival.source()
    assert.equal(source.size, lines * line.length)
    assert.equal(statSync(lastFile()).size, source.size)
    assert.equal(statSync(lastFile()).mode & 0o777, 0o600)
    assert.deepEqual(await source.read(source.size - line.length, source.size), line)
    arrival.destroy()
  })

  test('of nothing but line ends takes no more memory than a few times its size', async () => {
    const arrival = begin(10_000_000)
    const before = process.memoryUsage()
    const line = Buffer.from('\r\n')
    for (let count = 0; count < 1_000_000; count++) arrival.add_line(line.subarray())
    const { heapUsed, external } = process.memoryUsage()
    assert.ok(heapUsed + external - before.heapUsed - before.external < 50_000_000)
    assert.equal((await arrival.source()).size, 2_000_000)
  })

  test('takes nothing more once it is complete', async () => {
    const arrival = begin(1000)
    arrival.add_line('From: a\r\n')
    arrival.complete()
    arrival.add_line('\r\n')
    await ended(arrival)
    assert.equal(await bytesOf(arrival), 'From: a\r\n')
  })

  test('takes nothing more once it is gone', () => {
    const arrival = begin(0)
    arrival.add_line('a\r\n')
    arrival.destroy()
    arrival.add_line('b\r\n')
    arrival.destroy()
    assert.ok(!existsSync(lastFile()))
  })

  test('cannot be named outside its directory', async () => {
    const arrival = new Arrival('../../etc/x', { directory, memory: 0 })
    arrival.add_line('a\r\n')
    await ended(arrival)
    assert.ok(readdirSync(directory).includes('.._.._etc_x.eml'))
    arrival.destroy()
  })

  test('that cannot be written is a temporary failure, told once', async () => {
    const arrival = begin(0, join(directory, 'missing'))
    arrival.add_line('a\r\n')
    let times = 0
    await new Promise<void>((resolve) => {
      arrival.add_line_end(() => {
        times++
        setTimeout(resolve, 20)
      })
    })
    assert.equal(times, 1)
    await assert.rejects(arrival.source(), { code: 'queue', temporary: true })
    arrival.destroy()
  })

  test('that fails before its end is a temporary failure, told once', async () => {
    const arrival = begin(0, join(directory, 'missing'))
    arrival.add_line('a\r\n')
    await new Promise((resolve) => setTimeout(resolve, 20))
    arrival.add_line('b\r\n')
    await ended(arrival)
    await assert.rejects(arrival.source(), { code: 'queue', temporary: true })
  })

  test('is given to other plugins with or without dots', async () => {
    const piped = async (options?: Record<string, unknown>): Promise<string> => {
      const arrival = begin(1000)
      arrival.add_line('..a\r\n')
      const destination = new PassThrough()
      arrival.pipe(destination, options)
      const pieces: Buffer[] = []
      for await (const piece of destination) pieces.push(piece as Buffer)
      return Buffer.concat(pieces).toString()
    }
    assert.equal(await piped(), '.a\r\n')
    assert.equal(await piped({ dot_stuffed: false }), '..a\r\n')
    assert.equal(await piped({ ending_dot: true }), '..a\r\n.\r\n')
  })

  test('can be read again by a plugin that has broken off a reading', async () => {
    const arrival = begin(1000)
    arrival.add_line(Buffer.from('abc\r\n'))
    await ended(arrival)
    arrival.unpipe()
    const first = new PassThrough()
    arrival.pipe(first)
    arrival.unpipe()
    first.destroy()
    const second = new PassThrough()
    arrival.pipe(second)
    assert.equal(Buffer.concat((await second.toArray()) as Buffer[]).toString(), 'abc\r\n')
    arrival.destroy()
  })

  test('that cannot be read ends the stream of the plugin that reads it, not the process', async () => {
    const arrival = begin(0, join(directory, 'missing'))
    arrival.add_line('a\r\n')
    await ended(arrival)
    const destination = new PassThrough()
    const failed = new Promise((resolve) => destination.once('error', resolve))
    arrival.pipe(destination)
    assert.match(String(await failed), /the spool cannot be written/)
  })
})
