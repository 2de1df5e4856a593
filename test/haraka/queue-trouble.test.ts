import assert from 'node:assert/strict'
import fs from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { beforeEach, describe, test } from 'node:test'
import { endureTrouble } from '../../src/haraka/queue-trouble.js'
import type { Plugin } from '../../src/haraka/types.js'

const MINUTE = 60_000

let bounced: string[]
let pushed: Mail[]
let logged: string[]
let ended: number
let read: () => Promise<Buffer>
let temporary: { queue: { id: string; fire_time: number; callback: () => void }[]; add(...wait: unknown[]): unknown }
let Mail: ReturnType<typeof newMailClass>
type Mail = InstanceType<ReturnType<typeof newMailClass>>

/** Haraka's item of the queue, as far as it matters here. */
function newMailClass() {
  return class {
    readonly filename: string
    readonly path: string
    readonly notes: unknown
    data_start = 0
    file_size = 0

    constructor(filename: string, path: string, notes: unknown) {
      this.filename = filename
      this.path = path
      this.notes = notes
    }

    bounce(reason: unknown): void {
      bounced.push(String(reason))
    }

    _stream_bytes_from(): Promise<Buffer> {
      return read()
    }

    data_stream(): fs.ReadStream {
      return assert.fail('it is replaced')
    }

    next_cb(): void {
      ended++
    }

    logerror(line: string): void {
      logged.push(line)
    }
  }
}

beforeEach(() => {
  bounced = []
  pushed = []
  logged = []
  ended = 0
  read = () => Promise.resolve(Buffer.from('read'))
  Mail = newMailClass()
  const unused = (): never => assert.fail('it is replaced')
  temporary = { queue: [], add: unused }
  const modules: Readonly<Record<string, unknown>> = {
    'outbound/hmail': Mail,
    'outbound/queue': {
      delivery_queue: { push: (mail: Mail) => pushed.push(mail) },
      temp_fail_queue: Object.assign(temporary, { fire: unused, drain: unused }),
    },
    'outbound/config': { cfg: { temp_fail_intervals: [60, 3600] } },
  }
  endureTrouble({ haraka_require: (name: string) => modules[name] } as unknown as Plugin)
})

const newMail = (): Mail => new Mail('1_2_3', '/queue/1_2_3', { step: 's' })

describe('a message whose file cannot be changed', () => {
  for (const reason of ['Error re-queueing email: ENOSPC', 'Error splitting to new recipients: EMFILE'])
    test(`is not given up but tried again later, as it stands (${reason})`, () => {
      const mail = newMail()
      mail.bounce(reason)
      // Whatever else fails in the same attempt adds nothing.
      mail.bounce(reason)
      assert.deepEqual([bounced, ended], [[], 1])
      assert.match(logged.join(), new RegExp(`^the queue cannot be changed, 1_2_3 is tried again in 30 s: ${reason}$`))
      const [wait, ...others] = temporary.queue
      assert.deepEqual([wait?.id, others], ['1_2_3', []])
      assert.ok(wait !== undefined && wait.fire_time <= performance.now() + 30_000)
      assert.equal(pushed.length, 0)
      wait.callback()
      const [again] = pushed as readonly (Mail | undefined)[]
      assert.deepEqual([again?.filename, again?.path, again?.notes], [mail.filename, mail.path, mail.notes])
      assert.notEqual(again, mail)
      // That one may fail in the same way, and waits again.
      again?.bounce(reason)
      assert.deepEqual([bounced, ended, temporary.queue.length], [[], 2, 2])
    })

  test('is given up where somebody has refused it', () => {
    newMail().bounce('550 5.1.1 no such user')
    assert.deepEqual([bounced, temporary.queue, logged], [['550 5.1.1 no such user'], [], []])
  })

  test('waits no longer than an attempt of the queue may', () => {
    temporary.add('x', 24 * 60 * MINUTE, () => undefined)
    assert.ok((temporary.queue[0]?.fire_time ?? Infinity) <= performance.now() + 60 * MINUTE)
  })
})

describe('a message whose file cannot be read', () => {
  test('is read once it can be', async () => {
    const failures = ['EMFILE', 'EIO']
    read = () => {
      const code = failures.shift()
      return code === undefined ? Promise.resolve(Buffer.from('read')) : Promise.reject(Object.assign(new Error(code), { code }))
    }
    const reading = newMail()._stream_bytes_from()
    assert.equal(String(await reading), 'read')
    assert.deepEqual(logged, [
      'the queue cannot be read, next look in 2 s: EMFILE',
      'the queue cannot be read, next look in 2 s: EIO',
    ])
  })

  test('is not waited for if it is gone', async () => {
    read = () => Promise.reject(Object.assign(new Error('gone'), { code: 'ENOENT' }))
    await assert.rejects(newMail()._stream_bytes_from(), /gone/)
    assert.deepEqual(logged, [])
  })

  test('is sent in the same attempt, once a descriptor is free', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'pec-trouble-'))
    t.after(() => rm(folder, { recursive: true }))
    const path = join(folder, '1_2_3')
    await writeFile(path, 'headmessage')
    const { open } = fs
    let failures = 2
    t.mock.method(fs, 'open', (...call: Parameters<typeof open>) => {
      const done = call.at(-1) as (error: NodeJS.ErrnoException | null, descriptor: number) => void
      if (failures-- > 0) done(Object.assign(new Error('no descriptor'), { code: failures === 1 ? 'EMFILE' : 'ENFILE' }), -1)
      else open(...call)
    })
    const mail = new Mail('1_2_3', path, {})
    mail.data_start = 4
    mail.file_size = 11
    assert.equal(String(await buffer(mail.data_stream())), 'message')
    assert.equal(failures, -1)
  })

  test('fails where it cannot be opened for another reason', async () => {
    const mail = new Mail('1_2_3', join(tmpdir(), 'pec-nowhere', '1_2_3'), {})
    await assert.rejects(buffer(mail.data_stream()), { code: 'ENOENT' })
  })
})
