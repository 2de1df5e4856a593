/** The delivery point, and the way to other providers, on Haraka's outbound queue. RFC 6109 §2.2.3, §3.3 */
import { DISABLED, turnAway } from '../src/haraka/disabled.js'
import { reasonOf } from '../src/errors.js'
import { exchangesOf, openDns } from '../src/haraka/exchanges.js'
import { theGateway, whenOpen } from '../src/haraka/gateway.js'
import { ACCEPT, hook, PASS, type Reply } from '../src/haraka/hook.js'
import { isCondemned, isForStore, passGate, wayOf } from '../src/haraka/leaving.js'
import { isKept, keepQueued } from '../src/haraka/copying.js'
import { spoolOf, tellAccepted, tellRefused, untilDone } from '../src/haraka/outcome.js'
import { keepTo, mustEncrypt, type TlsSetup } from '../src/haraka/peer-tls.js'
import { interpretReplies, type ClientPool } from '../src/haraka/replies.js'
import { hasSpoken, listenTo } from '../src/haraka/silence.js'
import { awaitTurn } from '../src/haraka/store-turn.js'
import { tellDeferral } from '../src/haraka/telling.js'
import type { BounceError, DeferredParams, DeliveredParams, Plugin, QueuedMail } from '../src/haraka/types.js'

/** Seconds until a message is looked at again when the ledger could not tell whether it may leave. */
const LATER: Reply = { code: 'delay', text: 10 }

const dns = openDns()

export function register(this: Plugin): void {
  // A hook that is late loses the message: `delivered` and `bounce` have all the time they need.
  this.timeout = 0
}

export const hook_send_email = hook<QueuedMail>(
  async (mail) => {
    listenTo(mail)
    // Haraka takes up its queue before the gateway is open.
    const { house, provider, deadlines } = await whenOpen()
    const register = {
      isCommitted: (step: string) => house.ledger.isCommitted(step),
      giveUp: (step: string) => house.ledger.giveUp(step),
      search: (...which: Parameters<typeof provider.ledger.search>) => provider.ledger.search(...which),
    }
    return passGate(mail, register, deadlines.clock())
  },
  () => LATER,
)

export const hook_get_mx = hook<QueuedMail>(async function (mail) {
  const { config, provider, store, watching, copying } = theGateway()
  const kept = isCondemned(mail) ? undefined : await keepQueued(mail, copying, spoolOf(config), this)
  if (kept !== undefined) return kept
  const { reply, tls } = wayOf(mail, config, provider.index)
  interpretReplies(this.haraka_require('outbound/client_pool') as ClientPool, mustEncrypt)
  keepTo({ policy: tls, authorities: provider.peerAuthorities }, mail, this.haraka_require('outbound/tls') as TlsSetup)
  if (reply.code === 'accept' && (await turnAway(mail, provider.directory))) return { code: 'refuse', text: DISABLED.text }
  if (isForStore(mail)) await awaitTurn(mail, store)
  return reply === PASS ? exchangesOf(mail.todo.domain, dns, watching.health) : reply
})

export const hook_delivered = hook<QueuedMail, DeliveredParams>(async function (mail, [, , response, , , , recipients]) {
  hasSpoken(mail)
  await untilDone(this, () => tellAccepted(mail, recipients, response, theGateway()))
  return PASS
})

/** Haraka tries again later, whatever is answered here. */
export const hook_deferred = hook<QueuedMail, DeferredParams>(
  function (mail, { delay, err }) {
    const { uuid, domain } = mail.todo
    this.logwarn(`message ${uuid} to ${domain} waits ${delay} s for its next attempt: ${reasonOf(err)}`)
    tellDeferral(mail, err, delay, theGateway().watching.watch)
    return Promise.resolve(PASS)
  },
  () => PASS,
)

/** Haraka's own report goes out only where the answer is to pass: PEC has its notices. */
export const hook_bounce = hook<QueuedMail, BounceError>(async function (mail, error) {
  hasSpoken(mail)
  if (isCondemned(mail) || isKept(mail)) return ACCEPT
  const { owesReport } = await untilDone(this, () => tellRefused(mail, error, theGateway()))
  return owesReport ? PASS : ACCEPT
})
