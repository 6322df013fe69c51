/** The part of the vendor's SDK that the tests use; the package itself has no types. */
declare module "jdcloud-sdk-js" {
  type Reply = { requestId: string; result: Record<string, unknown> };
  type Client = Record<string, (options?: object, regionId?: string) => Promise<Reply>>;
  type Options = {
    credentials: unknown;
    regionId: string;
    endpoint: { protocol: string; host: string };
  };
  const JDCloud: {
    config: { update(options: { logger: () => void }): void };
    Credentials: new (accessKeyId: string, secret: string) => object;
    IAM: new (options: Options) => Client;
    STS: new (options: Options) => Client;
  };
  export default JDCloud;
}
