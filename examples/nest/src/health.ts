import { Controller, Get, Inject } from '@nestjs/common';
import { HealthCheck, HealthCheckService } from '@nestjs/terminus';
import { TidemarkHealth } from 'tidemark/nest';

@Controller('health')
export class Health {
  constructor(
    @Inject(HealthCheckService) private readonly terminus: HealthCheckService,
    @Inject(TidemarkHealth) private readonly tidemark: TidemarkHealth,
  ) {}

  @Get('live')
  live() {
    return { status: 'ok' };
  }

  @Get('ready')
  @HealthCheck()
  ready() {
    return this.terminus.check([() => this.tidemark.ready('world')]);
  }

  @Get()
  @HealthCheck()
  check() {
    return this.terminus.check([() => this.tidemark.check('world')]);
  }
}
