/**
 * The last word on every message: what no point has taken is refused. Without it Haraka would relay an authenticated user's
 * message as it is once every hook has passed or failed (P4).
 */
import { hook } from '../src/haraka/hook.js'
import type { Plugin } from '../src/haraka/types.js'

const LAST = 100

export function register(this: Plugin): void {
  this.timeout = 0
  this.register_hook('queue', 'refuse', LAST)
  this.register_hook('queue_outbound', 'refuse', LAST)
}

export const refuse = hook(function () {
  this.logcrit('a message reached the end of the hooks without a point having taken it: refused')
  return Promise.resolve({ code: 'defer', text: '4.3.0 The message cannot be handled now' })
})
