import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Reply } from '../../src/haraka/hook.js'
import { exchangesOf as askDns, type Dns } from '../../src/haraka/exchanges.js'

const told: string[] = []
const health = {
  failed: (part: string) => void told.push(`${part} fails`),
  works: (part: string) => void told.push(`${part} works`),
}
const exchangesOf = (domain: string, dns: Dns): Promise<Reply> => askDns(domain, dns, health)

type Records<T> = readonly T[] | string

function dnsOf(
  mx: Records<{ exchange: string; priority: number }>,
  a: Records<string>,
  aaaa: Records<string> = 'ENODATA',
  root: Records<string> = 'ETIMEOUT',
): Dns {
  const answer = <T>(records: Records<T>): Promise<T[]> =>
    typeof records === 'string'
      ? Promise.reject(Object.assign(new Error(records), { code: records }))
      : Promise.resolve([...records])
  return {
    resolveMx: () => answer(mx),
    resolve4: () => answer(a),
    resolve6: () => answer(aaaa),
    resolveNs: () => answer(root),
  } as unknown as Dns
}

const UNUSED = 'EUNUSED'

describe('where mail for a domain goes', () => {
  test('to its exchanges, the lowest number first', async () => {
    const found = [20, 10, 30].map((priority) => ({ exchange: `mx${priority}.pec-b.test`, priority }))
    const reply = await exchangesOf('pec-b.test', dnsOf(found, UNUSED))
    assert.equal(told.at(-1), 'dns works')
    assert.deepEqual(reply, { code: 'accept', text: [found[1], found[0], found[2]] })
  })

  test('to one of several equal exchanges, at random', async () => {
    const equal = ['a', 'b', 'c'].map((exchange) => ({ exchange, priority: 1 }))
    const firsts = new Set<unknown>()
    for (let times = 0; times < 200; times++) {
      const { text } = await exchangesOf('pec-b.test', dnsOf(equal, UNUSED))
      firsts.add((text as { exchange: string }[])[0]?.exchange)
    }
    assert.equal(firsts.size, 3)
  })

  for (const none of ['ENODATA', 'ENOTFOUND']) {
    test(`to the domain itself where it has an address and no exchange (${none})`, async () => {
      const reply = await exchangesOf('pec-b.test', dnsOf(none, ['192.0.2.1'], 'ETIMEOUT'))
      assert.deepEqual(reply, { code: 'accept', text: [{ exchange: 'pec-b.test', priority: 0 }] })
    })

    test(`nowhere, where the DNS says that it is not there (${none})`, async () => {
      assert.equal((await exchangesOf('pec-b.test', dnsOf(none, none, none))).code, 'pass')
    })
  }

  test('nowhere, where it says that it takes no mail (RFC 7505)', async () => {
    assert.equal((await exchangesOf('pec-b.test', dnsOf([{ exchange: '', priority: 0 }], UNUSED))).code, 'pass')
  })

  test('nowhere, where an exchange is an address that goes around local_mx_ok', async () => {
    const [local, named] = ['127.0.0.1', 'mx.pec-b.test'].map((exchange) => ({ exchange, priority: 10 }))
    assert.ok(local !== undefined && named !== undefined)
    assert.equal((await exchangesOf('pec-b.test', dnsOf([local], UNUSED))).code, 'refuse')
    assert.deepEqual(await exchangesOf('pec-b.test', dnsOf([local, named], UNUSED)), { code: 'accept', text: [named] })
  })

  test('nowhere, where somebody has written an address literal: that is no failure of the DNS', async () => {
    for (const literal of ['[127.0.0.1]', '[ipv6:::1]']) {
      told.length = 0
      assert.equal((await exchangesOf(literal, dnsOf('EBADNAME', 'EBADNAME', 'EBADNAME'))).code, 'refuse')
      assert.deepEqual(told, [])
    }
  })

  test('is not known now, where only its own name servers fail: others are told, and no alarm goes out', async () => {
    for (const root of [['a.root-servers.net'], 'ENOTFOUND']) {
      const { code, text } = await exchangesOf('pec-b.test', dnsOf('ESERVFAIL', UNUSED, UNUSED, root))
      assert.equal(code, 'defer')
      assert.equal(text, 'the name servers of pec-b.test fail: ESERVFAIL')
      assert.equal(told.at(-1), 'dns works')
    }
  })

  for (const failure of ['ESERVFAIL', 'ETIMEOUT', 'ECONNREFUSED', 'EREFUSED']) {
    test(`is not known now, where the DNS does not tell (${failure})`, async () => {
      for (const dns of [dnsOf(failure, UNUSED), dnsOf('ENODATA', failure, 'ENODATA'), dnsOf('ENODATA', 'ENODATA', failure)]) {
        const { code, text } = await exchangesOf('pec-b.test', dns)
        assert.equal(code, 'defer')
        assert.equal(told.at(-1), 'dns fails')
        assert.match(String(text), new RegExp(`pec-b.test goes: ${failure}; see that the name servers`))
      }
    })
  }
})
