/**
 * A process of its own that writes a ledger, for processes.test.ts. Prints a line for each commit, once it has resolved.
 * `compete PLACE NAME COUNT`: tries COUNT claims in turn, prints those that it won.  `endless PLACE NAME`: commits until it is killed.
 */
import { isPecError } from '../../src/errors.js'
import { claimOf, entryOf, eventOf, factsOf } from './entries.js'
import { openPlace } from './place.js'

async function main([mode = '', place = '', name = '', count = '0']: readonly string[]): Promise<void> {
  const ledger = await openPlace(place)
  const limit = mode === 'endless' ? Infinity : Number(count)
  for (let n = 0; n < limit; n++) {
    const identifier = mode === 'endless' ? `${name}-${n}@a.example` : `${n}@a.example`
    try {
      await ledger.commit(
        entryOf(`${name}-${n}`, {
          claims: [claimOf(identifier)],
          message: factsOf(identifier),
          events: [eventOf(identifier, { signature: Buffer.alloc(3000, n) }), eventOf(identifier, { type: 'transport' })],
        }),
      )
      process.stdout.write(`${n}\n`)
    } catch (error) {
      if (!isPecError(error) || error.code !== 'conflict') throw error
    }
  }
  await ledger.close()
}

void main(process.argv.slice(2))
