/** Where an MQTT broker is, and as whom to connect. */
export interface BrokerAddress {
  protocol: 'mqtt' | 'mqtts' | 'ws' | 'wss';
  host: string;
  /** The protocol's own when left out. */
  port?: number;
  /** Of WebSockets. */
  path?: string;
  username?: string;
  password?: string;
}

/**
 * The parts of a broker's URL as options of MQTT.js, which takes the URL apart with `url.parse` otherwise; Node 24 warns
 * of that. Throws a TypeError for what is no URL.
 */
export function brokerAddress(url: string): BrokerAddress {
  const { protocol, hostname, port, pathname, search, username, password } = new URL(url);
  const isWeb = /^wss?:$/.test(protocol);
  return {
    protocol: protocol.slice(0, -1) as BrokerAddress['protocol'],
    host: hostname.replace(/^\[|\]$/g, ''),
    ...(port === '' ? {} : { port: Number(port) }),
    ...(isWeb ? { path: `${pathname}${search}` } : {}),
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
  };
}
