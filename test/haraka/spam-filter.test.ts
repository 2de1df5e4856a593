// haraka-plugin-rspamd itself, against a server that answers as told; real-rspamd.test.ts asks the real one.
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openSpamFilter, type Suspect } from '../../src/haraka/spam-filter.js'
import { fromBuffer, type Source } from '../../src/mail/source.js'
import { rspamdPlugin, type TestRspamdPlugin } from './rspamd-plugin.js'

const LEVELS = { low: 4, medium: 8, high: 15.5 }
const MESSAGE = Buffer.from('Subject: caff\xe8\r\n__proto__: x\r\nX: \r\n\r\n.dot\r\n..dots\r\n8-bit \xe8 \0 \r x', 'latin1')

function suspectOf(parts: Partial<Suspect> = {}): Suspect {
  const client = { ip: '127.0.0.1', host: 'mx.posta.test', hello: 'posta.test' }
  const message = fromBuffer(MESSAGE)
  return { message, uuid: 'UUID.1', sender: 'a@posta.test', recipients: ['ugo@pec-b.test', 'eva@pec-b.test'], client, ...parts }
}

interface Asked {
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

type Answer = (response: ServerResponse) => unknown

interface Lab {
  readonly plugin: TestRspamdPlugin
  readonly asked: Asked[]
  readonly rate: (parts?: Partial<Suspect>) => Promise<string | undefined>
}

async function rspamdThat(t: TestContext, answer: Answer, settings: Readonly<Record<string, unknown>> = {}): Promise<Lab> {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      asked.push({ url: request.url, headers: request.headers, body: Buffer.concat(pieces) })
      answer(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const plugin = rspamdPlugin({ host: '127.0.0.1', port, timeout: 5, ...settings })
  const filter = openSpamFilter(plugin, LEVELS)
  return { plugin, asked, rate: async (parts) => (await filter.rate(suspectOf(parts))).level }
}

const says =
  (answer: unknown): Answer =>
  (response) =>
    response.end(JSON.stringify(answer))

describe('the level of a message', () => {
  for (const [score, level] of [
    [-3, undefined],
    [3.99, undefined],
    [4, 'low'],
    [7.99, 'low'],
    [8, 'medium'],
    [15.49, 'medium'],
    [15.5, 'high'],
    [1e9, 'high'],
  ] as const) {
    test(`of score ${score} is ${level ?? 'none'}`, async (t) => {
      const { rate, plugin } = await rspamdThat(t, says({ action: 'no action', score, symbols: {} }))
      assert.equal(await rate(), level)
      assert.deepEqual(plugin.warnings, [])
    })
  }
})

test('rspamd gets the message byte for byte, who brought it, and for whom it is', async (t) => {
  const { rate, asked } = await rspamdThat(t, says({ score: 0 }))
  await rate()
  const [{ url, headers, body } = assert.fail()] = asked
  assert.equal(url, '/checkv2')
  assert.deepEqual(body, MESSAGE)
  const { ip, helo, hostname, from, rcpt } = headers
  assert.deepEqual(
    [ip, helo, hostname, from, rcpt, headers['queue-id']],
    ['127.0.0.1', 'posta.test', 'mx.posta.test', 'a@posta.test', 'ugo@pec-b.test, eva@pec-b.test', 'UUID.1'],
  )
})

test('what a client says of itself cannot stop the question', async (t) => {
  const { rate, asked } = await rspamdThat(t, says({ score: 9 }))
  const client = { ip: 'unknown', host: 'a\r\nFlags: skip.x', hello: 'caff\u00e8\r\nFlags: skip' }
  assert.equal(await rate({ client, sender: 'a b\n@x.test' }), 'medium')
  assert.equal(asked[0]?.headers['flags'], undefined)
})

test('a message of several pieces arrives whole', async (t) => {
  const { rate, asked } = await rspamdThat(t, says({ score: 9 }))
  const large = fromBuffer(Buffer.alloc(3_000_000, 'x\r\n'))
  await rate({ message: large })
  assert.equal(asked[0]?.body.length, 3_000_000)
})

test('whatever rspamd wants done, only its score counts', async (t) => {
  const { rate } = await rspamdThat(
    t,
    says({
      ...{ action: 'reject', score: 30, subject: 'SPAM', 'dkim-signature': 'x', messages: { smtp_message: 'no' } },
      ...{
        milter: { remove_headers: { Subject: 1 }, add_headers: { X: 'y' } },
        symbols: { GTUBE: { name: 'GTUBE', score: 30 } },
      },
    }),
  )
  assert.equal(await rate(), 'high')
})

describe('a message goes on without a rating, and that is in the log,', () => {
  for (const [what, answer] of [
    ['when rspamd says it cannot', says({ error: 'too large' })],
    ['when it answers with nothing', (response) => response.end()],
    ['when it answers with no JSON', (response) => response.end('<html>')],
    ['when it answers with null', says(null)],
    ['when it answers with a list', says([1])],
    ['when its score is none', says({ action: 'reject', score: 'high' })],
    ['when it hangs up', (response) => response.destroy()],
    ['when it hangs up in its answer', (response) => response.write('{"score":', () => response.destroy())],
  ] as const satisfies readonly (readonly [string, Answer])[]) {
    test(what, async (t) => {
      const { rate, plugin } = await rspamdThat(t, answer, { timeout: 1 })
      assert.equal(await rate(), undefined)
      assert.equal(plugin.warnings.length, 1)
      assert.match(plugin.warnings[0] ?? '', /^UUID\.1 goes on without a rating as spam: rspamd /)
    })
  }

  test('when it is away', async (t) => {
    const { rate, plugin } = await rspamdThat(t, says({ score: 9 }), { port: 1 })
    assert.equal(await rate(), undefined)
    assert.match(plugin.warnings.join(), /ECONNREFUSED/)
  })

  test('when it takes too long; what it says then is too late', async (t) => {
    const { rate, plugin } = await rspamdThat(t, (response) => setTimeout(() => says({ score: 9 })(response), 600), {
      timeout: 0.3,
    })
    assert.equal(await rate(), undefined)
    assert.deepEqual(plugin.warnings, ['UUID.1 goes on without a rating as spam: rspamd timeout'])
    await sleep(500)
    assert.equal(plugin.warnings.length, 1)
  })

  test('when the message is gone, as that of a client that has left is', async (t) => {
    const { rate, plugin } = await rspamdThat(t, says({ score: 9 }))
    const gone: Source = {
      size: 10,
      read: () => Promise.reject(new Error('gone')),
      async *chunks() {
        await sleep(1)
        throw new Error('gone')
      },
    }
    assert.equal(await rate({ message: gone }), undefined)
    assert.match(plugin.warnings.join(), /gone/)
  })
})

test('what rspamd is told to skip goes on without a rating and without a warning', async (t) => {
  const { rate, plugin } = await rspamdThat(t, says({ is_skipped: true }))
  assert.equal(await rate(), undefined)
  assert.deepEqual(plugin.warnings, [])
})
