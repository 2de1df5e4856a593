import type { Endpoint } from './endpoint.js'
import { section } from './section.js'

export type AntivirusConfig =
  | { readonly engine: 'none' }
  | { readonly engine: 'clamd'; readonly socket: Endpoint; /** Seconds, of one scan. */ readonly timeout: number }

/** [antivirus] */
export const antivirus = section('antivirus', ['engine', 'socket', 'timeout'], (values): AntivirusConfig => {
  const engine = values.oneOf('engine', ['clamd', 'none'], 'clamd')
  const socket = values.endpoint('socket', '/run/clamav/clamd.ctl')
  const timeout = values.number('timeout', 120)
  return engine === 'none' ? { engine } : { engine, socket, timeout }
})
