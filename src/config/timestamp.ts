import { section } from './section.js'

/** [timestamp]: the time-stamping authorities, in the order in which they are asked; the timeout in seconds. */
export const timestamp = section(
  'timestamp',
  ['urls', 'anchors', 'crl', 'crl_required', 'credentials_file', 'timeout'],
  (values) => {
    const urls = values.list('urls')
    for (const url of urls) if (!isWebAddress(url)) values.fault(`urls: ${url} is not an http or https address`)
    const anchors = values.optionalPath('anchors')
    if (urls.length > 0 && anchors === undefined) values.fault('anchors is missing: the authorities of their certificates')
    const crl = values.sources('crl')
    const crlRequired = values.yes('crl_required', 'true')
    return {
      ...{ urls, anchors, crl, crlRequired: crlRequired && crl.length > 0 },
      ...{ credentialsFile: values.optionalPath('credentials_file'), timeout: values.number('timeout', 30) },
    }
  },
)

/** Credentials have a file of their own. */
function isWebAddress(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return /^https?:$/.test(protocol) && username === '' && password === ''
}
