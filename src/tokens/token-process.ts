/**
 * The process that holds one token for one process of the gateway, started by token.ts. A library that hangs or crashes takes nothing
 * else with it, and can be ended; the threads that wait for a remote token are not those that mail needs.
 */
import { reasonOf } from '../errors.js'
import { Cryptoki } from './cryptoki.js'
import { TokenFailure, type Order, type Report } from './orders.js'

let token: Cryptoki | undefined

async function carryOut(order: Order): Promise<Uint8Array> {
  if ('open' in order) token = Cryptoki.open(order.open)
  else if (token !== undefined) return token.sign(Buffer.from(order.data))
  return Buffer.alloc(0)
}

process.on('message', (order: Order) => {
  const report = (answer: Report): void => void process.send?.(answer)
  carryOut(order).then(
    (signature) => report({ number: order.number, signature }),
    (error: unknown) => {
      const failure = error instanceof TokenFailure ? error.kind : 'away'
      report({ number: order.number, failure, reason: reasonOf(error) })
    },
  )
})

// The gateway lets us go, or is no more. Threads in a call that hangs would keep an ordinary exit waiting.
process.once('disconnect', () => {
  try {
    token?.close()
  } finally {
    process.kill(process.pid, 'SIGKILL')
  }
})

// A terminal sends Ctrl-C to every process of the group: the gateway still signs for the work in hand.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
