/** The embedded mailbox store, on the address where the delivery point looks for it. */
import type { Config } from '../config/config.js'
import { openDirectory } from '../directory/open-directory.js'
import { LmtpStore } from '../store/lmtp-store.js'

/** Largest message it takes, in bytes: what the reception point lets in, and the envelope around it. */
const MAX_SIZE = 300_000_000

/** Opens it; `onEvent` gets lines for the log. Rejects with PecError 'configuration' if it cannot be. */
export async function openEmbeddedStore(config: Config, onEvent: (message: string) => void): Promise<LmtpStore> {
  const { store, instance } = config
  if ('path' in store.lmtp) throw new Error('the embedded store does not listen on unix sockets')
  const clock = (): Date => new Date()
  const report = (event: { readonly kind: string; readonly reason?: string }): void => {
    if (event.kind === 'refused' || event.kind === 'trouble') onEvent(`mailbox store: ${event.reason ?? ''}`)
  }
  return LmtpStore.open({
    directory: await openDirectory(config, clock, report),
    root: instance,
    host: store.lmtp.host === 'localhost' ? '127.0.0.1' : store.lmtp.host,
    port: store.lmtp.port,
    maxSize: MAX_SIZE,
    clock,
    onEvent: report,
  })
}
