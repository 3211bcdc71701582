import { Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { TidemarkFilter, TidemarkModule } from 'tidemark/nest';
import { Backends, BackendsModule } from './backends.ts';
import { type User, model } from '../../campaign/model.ts';
import { Health } from './health.ts';
import { Live } from './live.ts';
import { Rules } from './rules.ts';
import { Settlements } from './settlements.ts';
import { type Asked, Who } from './who.ts';

@Module({
  imports: [
    BackendsModule,
    TerminusModule,
    TidemarkModule.forRootAsync({
      isGlobal: true,
      imports: [BackendsModule],
      inject: [Backends],
      useFactory: ({ rows, parts }: Backends) => ({
        tide: {
          ...{ model, origin: rows.origin, ...parts },
          rules: { source: rows.rules },
          authorize: ({ name }: User) => name !== 'mallory',
        },
        scope: ({ user, headers }: Asked) => ({ principal: user, after: headers['x-after'] }),
        drainMs: Number(process.env['DRAIN_MS'] ?? 0),
      }),
    }),
  ],
  controllers: [Settlements, Rules, Live, Health],
  providers: [
    { provide: APP_GUARD, useClass: Who },
    { provide: APP_FILTER, useClass: TidemarkFilter },
  ],
})
export class AppModule {}
