import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeIssuer } from './issuer.js'
import { beforeSignature, makeAll } from './messages.js'

const GOLDEN = join(__dirname, '..', 'golden')

// PEC_UPDATE_GOLDEN=1 writes the files anew: read the difference before committing it.
const update = process.env.PEC_UPDATE_GOLDEN === '1'

test('every kind of message is, up to its signature, the golden file byte for byte', async (t) => {
  const { messages } = await makeAll(await makeIssuer(), new Date('2024-11-05T09:00:00.700Z'))
  for (const [name, message] of messages) {
    await t.test(name, async () => {
      const path = join(GOLDEN, `${name}.eml`)
      const bytes = await beforeSignature(message)
      if (update) writeFileSync(path, bytes)
      assert.ok(existsSync(path), `${path} is missing`)
      assert.equal(bytes.toString('latin1'), readFileSync(path, 'latin1'))
    })
  }
})
