import { section } from './section.js'

/** [monitor]: where metrics and readiness are asked for; undefined for nowhere. */
export const monitor = section('monitor', ['listen'], (values) => ({
  listen: values.optionalText('listen') === undefined ? undefined : values.endpoint('listen', ''),
}))
