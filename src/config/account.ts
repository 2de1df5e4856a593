import { section } from './section.js'

/** [account]: where the page on which people change their passwords is; undefined for nowhere. */
export const account = section('account', ['listen'], (values) => ({
  listen: values.optionalText('listen') === undefined ? undefined : values.endpoint('listen', ''),
}))
