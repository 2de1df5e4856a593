import { section } from './section.js'

/** [store]: where mailboxes are. Embedded ones are below the instance's folder `mail`. */
export const store = section('store', ['lmtp', 'connections', 'embedded'], (values) => {
  const lmtp = values.endpoint('lmtp', '127.0.0.1:2424')
  const embedded = values.yes('embedded', 'true')
  if (embedded && (!('host' in lmtp) || !/^(127\.|localhost$|::1$|$)/.test(lmtp.host)))
    values.fault('lmtp must be HOST:PORT on loopback where embedded is true')
  return { lmtp, connections: values.number('connections', 10), embedded }
})
